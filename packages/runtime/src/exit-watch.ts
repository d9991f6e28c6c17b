import { mkdirSync, readFileSync, watch, type FSWatcher } from "node:fs";
import { hasCode } from "@sandbank/linux/libc";
import { isRunning, type ProcessIdentity } from "@sandbank/linux/process";
import type { ExitInfo } from "./contract.ts";

interface Watched {
  process: ProcessIdentity;
  monitor: ProcessIdentity | undefined;
  settle: (info: ExitInfo) => void;
  result: Promise<ExitInfo>;
}

/** How often processes are looked at whose monitor may have died and so will never write an exit code. */
const sweepIntervalMs = 500;

/**
 * Notices the ends of sandboxes by the files that their monitors write into one directory: at once through inotify,
 * within half a second when the monitor itself was killed. Holds one watcher for all sandboxes, none when there are none.
 */
export class ExitWatch {
  readonly #directory: string;
  readonly #watched = new Map<string, Watched>();
  #watcher: FSWatcher | undefined;
  #sweep: NodeJS.Timeout | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** Resolves when the sandbox has ended, also when it had before. */
  exited(id: string, process: ProcessIdentity, monitor: ProcessIdentity | undefined): Promise<ExitInfo> {
    const known = this.#watched.get(id);
    if (known?.process.startTicks === process.startTicks) return known.result;
    const { promise, resolve } = Promise.withResolvers<ExitInfo>();
    this.#watched.set(id, { process, monitor, settle: resolve, result: promise });
    this.#open();
    this.#check(id);
    return promise;
  }

  /** Looks again, for callers that have just seen the sandbox's process end. */
  check(id: string): void {
    this.#check(id);
  }

  /** The exit code that the monitor has written; undefined when there is none (yet). */
  exitCode(id: string): number | undefined {
    try {
      const text = readFileSync(`${this.#directory}/${id}`, "utf8").trim();
      return /^-?\d+$/.test(text) ? Number(text) : undefined;
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  #check(id: string): void {
    const entry = this.#watched.get(id);
    if (!entry) return;
    // First the processes, then the file: a monitor writes it before it ends.
    const alive = isRunning(entry.process);
    const monitored = entry.monitor !== undefined && isRunning(entry.monitor);
    const exitCode = this.exitCode(id);
    if (exitCode === undefined && (alive || monitored)) return;
    this.#watched.delete(id);
    if (this.#watched.size === 0) this.#close();
    entry.settle({ exitCode });
  }

  #open(): void {
    if (this.#watcher) return;
    this.#watcher = watch(this.#directory, { persistent: false }, (_event, name) => {
      if (name) this.#check(name);
    });
    // Without the watcher the sweep still sees every end, later.
    this.#watcher.on("error", () => this.#watcher?.close());
    this.#sweep = setInterval(() => {
      for (const id of this.#watched.keys()) this.#check(id);
    }, sweepIntervalMs);
    this.#sweep.unref();
  }

  #close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    clearInterval(this.#sweep);
  }
}
