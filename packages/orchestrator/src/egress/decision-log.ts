import { join } from "node:path";
import { isSandboxId } from "@sandbank/core/ids";
import { errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { linesFromEnd, LogFile } from "../observe/log-file.ts";
import { type LogEntry, nodeEntry } from "../observe/log-entry.ts";
import { type LogQuery, readLog } from "../observe/log-query.ts";
import type { Decision, DecisionReason } from "./decision.ts";

export interface DecisionLogOptions {
  /** One folder per sandbox below it, shared with its other logs. */
  dir: string;
  /** Of one sandbox. */
  maxBytes: number;
  logger: Logger;
}

/** Equal decisions within this time are one entry, and one with how often it came again. */
const windowMs = 10_000;
/** Different ones within that time, per sandbox; how many more there were is written down. */
const maxPerWindow = 200;
const settleMs = 5;

interface OpenLog {
  file: LogFile;
  /** Of this window, with how often each came again. */
  seen: Map<string, { decision: Decision; again: number }>;
  left: number;
}

const messages = { allowed: "connection was allowed", denied: "connection was denied" };

function toEntry({ verdict, ...decision }: Decision): LogEntry {
  const fields = { ...decision, sandboxId: undefined };
  return nodeEntry(verdict === "allowed" ? "info" : "warn", messages[verdict], fields, "egress");
}

/** What became of what sandboxes wanted to reach: kept on disk, bounded, also after their end. */
export class DecisionLog {
  readonly #options: DecisionLogOptions;
  readonly #open = new Map<string, OpenLog>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: DecisionLogOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.flush(), windowMs).unref();
  }

  record(decision: Decision): void {
    const { sandboxId, verdict, reason, protocol, address, port, name } = decision;
    const key = [verdict, reason, protocol, address, port, name].join(" ");
    this.#attempt(sandboxId, (log) => {
      const known = log.seen.get(key);
      if (known) known.again += decision.count ?? 1;
      else if (log.seen.size >= maxPerWindow) log.left++;
      else {
        log.seen.set(key, { decision, again: 0 });
        log.file.append([toEntry(decision)]);
      }
    });
  }

  /** What is kept of one reason: how often each destination (`PROTOCOL ADDRESS PORT`) was written down. */
  written(sandboxId: string, reason: DecisionReason): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { fields } of linesFromEnd(this.#dir(sandboxId), "egress")) {
      if (fields["reason"] !== reason) continue;
      const key = [fields["protocol"], fields["address"], fields["port"]].join(" ");
      counts.set(key, (counts.get(key) ?? 0) + Number(fields["count"] ?? 1));
    }
    return counts;
  }

  /** Empty when nothing is kept. */
  read(sandboxId: string, query: LogQuery): LogEntry[] {
    const horizonMs = Date.now() - settleMs;
    this.#open.get(sandboxId)?.file.seal(horizonMs);
    return readLog(this.#dir(sandboxId), query, horizonMs, "egress");
  }

  /** Writes down what came again, and begins a new window. */
  flush(): void {
    for (const sandboxId of this.#open.keys()) {
      this.#attempt(sandboxId, (log) => {
        const again = [...log.seen.values()].filter((each) => each.again > 0);
        log.file.append(again.map(({ decision, again: count }) => toEntry({ ...decision, count })));
        if (log.left > 0) {
          log.file.append([
            nodeEntry("warn", "more was decided than is listed", { count: log.left }, "egress"),
          ]);
        }
        log.seen.clear();
        log.left = 0;
      });
    }
  }

  /** The sandbox is gone; what is kept stays readable. */
  end(sandboxId: string): void {
    this.flush();
    this.#open.delete(sandboxId);
  }

  close(): void {
    clearInterval(this.#timer);
    this.flush();
    this.#open.clear();
  }

  #log(sandboxId: string): OpenLog {
    let log = this.#open.get(sandboxId);
    if (!log) {
      const file = new LogFile(this.#dir(sandboxId), this.#options.maxBytes, "egress");
      log = { file, seen: new Map(), left: 0 };
      this.#open.set(sandboxId, log);
    }
    return log;
  }

  /** A disk that is full must not end a connection: failures are logged. */
  #attempt(sandboxId: string, work: (log: OpenLog) => void): void {
    try {
      work(this.#log(sandboxId));
    } catch (error) {
      this.#options.logger.warn({ sandboxId, error: errorText(error) }, "egress log could not be kept");
    }
  }

  #dir(sandboxId: string): string {
    if (!isSandboxId(sandboxId)) throw new Error(`not a sandbox id: ${sandboxId}`);
    return join(this.#options.dir, sandboxId);
  }
}
