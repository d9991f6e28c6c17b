import { AppError } from "@sandbank/core/errors";
import { intField, type JsonObject, objectField, stringField } from "../rpc/fields.ts";
import type { ManagedProcess } from "./managed-process.ts";

/** How long a late Connect still finds an ended process. */
const retentionMs = 30_000;
/** Ended processes kept at most; beyond that the oldest go early. */
const maxEnded = 4096;

/** Processes by pid and tag: the live ones, and those that ended a short while ago. */
export class ProcessTable {
  readonly #byPid = new Map<number, ManagedProcess>();
  readonly #ended: { process: ManagedProcess; endMs: number }[] = [];
  #scheduled = false;

  all(): ManagedProcess[] {
    return [...this.#byPid.values()];
  }

  add(process: ManagedProcess): void {
    this.#byPid.set(process.pid, process);
    void process.done.then(() => this.#retire(process));
  }

  /** By process.ProcessSelector. Empty selector: `unimplemented`; unknown: `not_found`. */
  select(selector: JsonObject | undefined): ManagedProcess {
    const pid = selector && intField(selector, "pid");
    const tag = selector && stringField(selector, "tag");
    if (pid === undefined && tag === undefined) {
      throw new AppError({ code: "unimplemented", message: "process selector names neither pid nor tag" });
    }
    const found = pid === undefined ? this.#byTag(tag) : this.#byPid.get(pid);
    if (found) return found;
    const what = pid === undefined ? `tag ${tag}` : `pid ${pid}`;
    throw new AppError({ code: "not_found", message: `process with ${what} not found` });
  }

  /** The process that a request with a `process` field means. */
  of(input: JsonObject): ManagedProcess {
    return this.select(objectField(input, "process"));
  }

  #byTag(tag: string | undefined): ManagedProcess | undefined {
    const tagged = this.all().filter((process) => process.info.tag === tag);
    return tagged.find(isLive) ?? tagged.at(-1);
  }

  #retire(process: ManagedProcess): void {
    this.#ended.push({ process, endMs: performance.now() });
    if (this.#ended.length > maxEnded) this.#forgetOldest();
    this.#schedule(retentionMs);
  }

  #sweep(): void {
    this.#scheduled = false;
    const limit = performance.now() - retentionMs;
    while (this.#ended[0] && this.#ended[0].endMs <= limit) this.#forgetOldest();
    const next = this.#ended[0];
    if (next) this.#schedule(Math.max(1000, next.endMs - limit));
  }

  #schedule(delayMs: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => this.#sweep(), delayMs).unref();
  }

  #forgetOldest(): void {
    const oldest = this.#ended.shift()?.process;
    // The number may belong to a newer process by now.
    if (oldest && this.#byPid.get(oldest.pid) === oldest) this.#byPid.delete(oldest.pid);
  }
}

export function isLive(process: ManagedProcess): boolean {
  return process.end === undefined;
}
