import type { Logger } from "@sandbank/core/logger";
import type { EndEvent, OutputKind, Subscriber } from "./events.ts";
import type { ManagedProcess } from "./managed-process.ts";

/** Output is written down in pieces that cover this long, so that a chatty process costs little (ms). */
const windowMs = 2_000;
/** Of each output and piece; what is beyond is counted. */
const maxPieceBytes = 8 * 1024;
const maxCommandLength = 1_024;

/** One of a process's outputs, as far as it is written down. */
class OutputLog {
  readonly #write: (text: string, omittedBytes: number) => void;
  #decoder: TextDecoder | undefined;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #omittedBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (text: string, omittedBytes: number) => void) {
    this.#write = write;
  }

  add(bytes: Uint8Array): void {
    const room = maxPieceBytes - this.#bytes;
    if (room > 0) {
      // A copy: the runtime may use the array again.
      const piece = bytes.slice(0, room);
      this.#pieces.push(piece);
      this.#bytes += piece.length;
    }
    this.#omittedBytes += Math.max(0, bytes.length - Math.max(0, room));
    this.#timer ??= setTimeout(() => this.flush(), windowMs).unref();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#bytes === 0) return;
    this.#decoder ??= new TextDecoder();
    const text = this.#decoder.decode(Buffer.concat(this.#pieces), { stream: true });
    const omittedBytes = this.#omittedBytes;
    this.#pieces = [];
    [this.#bytes, this.#omittedBytes] = [0, 0];
    this.#write(text.endsWith("\n") ? text.slice(0, -1) : text, omittedBytes);
  }
}

/**
 * Writes down a process's start, its output on pipes (the beginning of each piece) and its end. What is on a terminal
 * is not written down: it echoes what people type, passwords too.
 */
export function logProcess(process: ManagedProcess, user: string, logger: Logger): void {
  const startedMs = performance.now();
  const { pid, info } = process;
  const common = { logger: "process", pid };
  const outputOf = (stream: OutputKind): OutputLog =>
    new OutputLog((text, omittedBytes) =>
      logger.info({ ...common, stream, ...(omittedBytes > 0 && { omittedBytes }) }, text),
    );
  const outputs = { stdout: outputOf("stdout"), stderr: outputOf("stderr") };
  const { cmd, args, cwd } = info.config;
  const command = [cmd, ...args].join(" ").slice(0, maxCommandLength);
  const subscriber: Subscriber = {
    start: () => logger.info({ ...common, command, user, cwd, tag: info.tag }, "process started"),
    data(kind, bytes) {
      if (kind !== "pty") outputs[kind].add(bytes);
      return undefined;
    },
    end({ exitCode, status, exited }: EndEvent) {
      outputs.stdout.flush();
      outputs.stderr.flush();
      const durationMs = Math.round(performance.now() - startedMs);
      logger.info({ ...common, ...(exited ? { exitCode } : { status }), durationMs }, "process ended");
    },
  };
  process.attach(subscriber);
}
