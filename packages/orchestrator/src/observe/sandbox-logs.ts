import { join } from "node:path";
import { isSandboxId } from "@sandbank/core/ids";
import { errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { ConsoleFollower } from "./console-follower.ts";
import { type LogEntry, type LogLevel, nodeEntry } from "./log-entry.ts";
import { LogFile } from "./log-file.ts";
import { type LogQuery, readLog } from "./log-query.ts";

export interface SandboxLogsOptions {
  /** One folder per sandbox below it. */
  dir: string;
  /** Of one sandbox. */
  maxBytes: number;
  logger: Logger;
}

const collectIntervalMs = 1_000;
/** A console's line is stamped a little before it can be read. */
const settleMs = 5;

interface OpenLog {
  file: LogFile;
  follower: ConsoleFollower | undefined;
}

/** What is said by and about the sandboxes of this node; kept on disk, also after their end. */
export class SandboxLogs {
  readonly #options: SandboxLogsOptions;
  readonly #open = new Map<string, OpenLog>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: SandboxLogsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#collectAll(), collectIntervalMs).unref();
  }

  isOpen(sandboxId: string): boolean {
    return this.#open.has(sandboxId);
  }

  /** An entry of the node's own about a sandbox. A disk that is full must not end a sandbox: failures are logged. */
  write(sandboxId: string, level: LogLevel, message: string, fields: Record<string, unknown>): void {
    this.#attempt(sandboxId, () => this.#log(sandboxId).file.append([nodeEntry(level, message, fields)]));
  }

  /** Takes over what the sandbox says on its console, from where an earlier process had got to. */
  follow(sandboxId: string, consoleFile: string): void {
    this.#attempt(sandboxId, () => {
      const log = this.#log(sandboxId);
      log.follower ??= new ConsoleFollower(consoleFile, log.file.position);
    });
  }

  /** Takes over what there is now; the last call comes before the console's file is removed. */
  collect(sandboxId: string): void {
    this.#attempt(sandboxId, () => {
      const log = this.#open.get(sandboxId);
      const read = log?.follower?.read();
      if (read) log?.file.append(read.entries, read.position);
    });
  }

  /** The sandbox is gone; what is kept stays readable. */
  end(sandboxId: string): void {
    this.#open.get(sandboxId)?.follower?.close();
    this.#open.delete(sandboxId);
  }

  /** Empty when nothing is kept. */
  read(sandboxId: string, query: LogQuery): LogEntry[] {
    this.collect(sandboxId);
    const horizonMs = Date.now() - settleMs;
    this.#open.get(sandboxId)?.file.seal(horizonMs);
    return readLog(this.#dir(sandboxId), query, horizonMs);
  }

  /** Takes over what is there and lets go of all files. */
  close(): void {
    clearInterval(this.#timer);
    for (const sandboxId of this.#open.keys()) {
      this.collect(sandboxId);
      this.end(sandboxId);
    }
  }

  #log(sandboxId: string): OpenLog {
    let log = this.#open.get(sandboxId);
    if (!log) {
      log = { file: new LogFile(this.#dir(sandboxId), this.#options.maxBytes), follower: undefined };
      this.#open.set(sandboxId, log);
    }
    return log;
  }

  #collectAll(): void {
    for (const sandboxId of this.#open.keys()) this.collect(sandboxId);
  }

  #attempt(sandboxId: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.logger.warn({ sandboxId, error: errorText(error) }, "sandbox log could not be kept");
    }
  }

  #dir(sandboxId: string): string {
    if (!isSandboxId(sandboxId)) throw new Error(`not a sandbox id: ${sandboxId}`);
    return join(this.#options.dir, sandboxId);
  }
}
