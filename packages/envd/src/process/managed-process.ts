import { AppError } from "@sandbank/core/errors";
import type { ByteSource, ChildProcess, PtyProcess, SpawnedProcess } from "../runtime/runtime.ts";
import { type EndEvent, endEvent, type OutputKind, type Subscriber } from "./events.ts";

export interface ProcessConfig {
  cmd: string;
  args: string[];
  envs: Record<string, string>;
  cwd?: string;
}

export interface ProcessInfo {
  config: ProcessConfig;
  tag: string | undefined;
}

const verboseBytes = 16 * 1024 * 1024;

/** One process and its subscribers. It lives on when all of these have gone. */
export abstract class ManagedProcess {
  readonly pid: number;
  readonly info: ProcessInfo;
  /** Set once, when the last event is known. */
  end: EndEvent | undefined;
  /** Resolves after the end event. */
  abstract readonly done: Promise<void>;
  /** Undefined after the end: what is kept for a late Connect is to be small. */
  #child: ChildProcess | undefined;
  readonly #subscribers = new Set<Subscriber>();
  #inputs: Promise<void> = Promise.resolve();
  #outputBytes = 0;

  constructor(child: ChildProcess, info: ProcessInfo) {
    this.#child = child;
    this.pid = child.pid;
    this.info = info;
  }

  /** Sends `start` at once, and from here on everything. Gives the function that detaches. */
  attach(subscriber: Subscriber): () => void {
    subscriber.start(this.pid);
    if (this.end) {
      subscriber.end(this.end);
      return () => undefined;
    }
    this.#subscribers.add(subscriber);
    return () => void this.#subscribers.delete(subscriber);
  }

  signal(signal: "SIGTERM" | "SIGKILL"): void {
    if (!this.#child?.kill(signal)) throw gone(this.pid);
    this.onSignal();
  }

  /** Kills it when it still runs after that long, also when its client has gone: an end that came first is as good. */
  killAfter(timeoutMs: number | undefined): void {
    if (timeoutMs === undefined) return;
    const timer = setTimeout(() => {
      if (this.#child?.kill("SIGKILL")) this.onSignal();
    }, timeoutMs);
    void this.done.then(() => clearTimeout(timer));
  }

  /** Writes in the order of the calls; resolves when the kernel has the bytes. */
  input(kind: "stdin" | "pty", bytes: Uint8Array): Promise<void> {
    if (this.end) return Promise.reject(gone(this.pid));
    const turn = this.#inputs.then(() => this.write(kind, bytes));
    this.#inputs = turn.catch(() => undefined);
    return turn;
  }

  /** After the inputs that were accepted before. */
  async closeStdin(): Promise<void> {
    if (this.end) throw gone(this.pid);
    await this.#inputs;
    this.closeInput();
  }

  abstract resize(cols: number, rows: number): void;
  protected abstract onSignal(): void;
  protected abstract write(kind: "stdin" | "pty", bytes: Uint8Array): Promise<void>;
  protected abstract closeInput(): void;

  protected emit(kind: OutputKind, bytes: Uint8Array): Promise<unknown> | undefined {
    this.#outputBytes += bytes.length;
    let waits: Promise<void>[] | undefined;
    for (const subscriber of this.#subscribers) {
      const wait = subscriber.data(kind, bytes);
      if (wait) (waits ??= []).push(wait);
    }
    return waits && Promise.all(waits);
  }

  /** Whether its output has left so much garbage that it is worth collecting. */
  get wasVerbose(): boolean {
    return this.#outputBytes > verboseBytes;
  }

  protected finish(event: EndEvent): void {
    this.end = event;
    this.#child = undefined;
    this.#inputs = Promise.resolve();
    for (const subscriber of this.#subscribers) subscriber.end(event);
    this.#subscribers.clear();
  }
}

function gone(pid: number): AppError {
  return new AppError({ code: "not_found", message: `process with pid ${pid} has ended` });
}

/** A process on pipes. */
export class PipedProcess extends ManagedProcess {
  #stdin: SpawnedProcess["stdin"];
  readonly #signalled = Promise.withResolvers<void>();
  override readonly done: Promise<void>;

  constructor(process: SpawnedProcess, info: ProcessInfo) {
    super(process, info);
    this.#stdin = process.stdin;
    this.done = this.#run(process);
  }

  override resize(): void {
    throw new AppError({ code: "failed_precondition", message: "the process has no terminal" });
  }

  protected override onSignal(): void {
    this.#signalled.resolve();
  }

  protected override async write(kind: "stdin" | "pty", bytes: Uint8Array): Promise<void> {
    if (kind === "pty") throw new AppError({ code: "internal", message: "the process has no terminal" });
    if (!this.#stdin)
      throw new AppError({ code: "failed_precondition", message: "stdin is not enabled or closed" });
    try {
      await this.#stdin.write(bytes);
    } catch (cause) {
      throw new AppError({ code: "failed_precondition", message: "the process reads no more input", cause });
    }
  }

  protected override closeInput(): void {
    this.#stdin?.close();
    this.#stdin = undefined;
  }

  /** The end waits for the exit and for the end of both outputs; once a signal was sent, for the exit alone. */
  async #run({ stdout, stderr, exited }: SpawnedProcess): Promise<void> {
    const pumps = Promise.all([this.#pump("stdout", stdout), this.#pump("stderr", stderr)]);
    const exit = exited.then(async (status) => {
      await Promise.race([pumps, this.#signalled.promise]);
      return status;
    });
    const status = await exit;
    for (const [kind, source] of [
      ["stdout", stdout],
      ["stderr", stderr],
    ] as const) {
      for (const chunk of source.finish()) void this.emit(kind, chunk);
    }
    this.closeInput();
    this.finish(endEvent(status));
  }

  async #pump(kind: OutputKind, source: ByteSource): Promise<void> {
    for (;;) {
      const chunk = await source.read();
      if (!chunk) return source.close();
      const wait = this.emit(kind, chunk);
      if (wait) await wait;
    }
  }
}

/** A process on a terminal. */
export class PtyManagedProcess extends ManagedProcess {
  #pty: PtyProcess | undefined;
  #waiting = false;
  #received = 0;
  override readonly done: Promise<void>;

  /** `connect` hands over the function that takes the terminal's output. */
  constructor(pty: PtyProcess, info: ProcessInfo, connect: (onData: (bytes: Uint8Array) => void) => void) {
    super(pty, info);
    this.#pty = pty;
    connect((bytes) => this.#onData(bytes));
    this.done = this.#run(pty);
  }

  override resize(cols: number, rows: number): void {
    if (!this.#pty) throw gone(this.pid);
    this.#pty.resize(cols, rows);
  }

  protected override onSignal(): void {
    // A terminal's end never waits for the processes that are left on it.
  }

  protected override async write(kind: "stdin" | "pty", bytes: Uint8Array): Promise<void> {
    if (kind === "stdin")
      throw new AppError({ code: "internal", message: "the process has a terminal, not stdin" });
    await this.#pty?.write(bytes);
  }

  protected override closeInput(): void {
    throw new AppError({
      code: "failed_precondition",
      message: "the input of a terminal cannot be closed: send Ctrl+D (0x04)",
    });
  }

  #onData(bytes: Uint8Array): void {
    this.#received++;
    const wait = this.emit("pty", bytes);
    if (!wait || this.#waiting) return;
    this.#waiting = true;
    this.#pty?.pause();
    void wait.finally(() => {
      this.#waiting = false;
      this.#pty?.resume();
    });
  }

  async #run(pty: PtyProcess): Promise<void> {
    const status = await pty.exited;
    // What the process wrote last is still on its way from the terminal: until a turn brings nothing new.
    for (let quiet = 0, seen = this.#received; quiet < 3; quiet++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (seen !== this.#received) [quiet, seen] = [0, this.#received];
    }
    pty.close();
    this.#pty = undefined;
    this.finish(endEvent(status));
  }
}
