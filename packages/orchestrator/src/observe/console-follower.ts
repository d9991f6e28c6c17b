import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { hasCode } from "@sandbank/linux/libc";
import { ConsoleLines } from "./console-lines.ts";
import { consoleEntry, type LogEntry, nodeEntry } from "./log-entry.ts";
import type { ConsolePosition } from "./log-file.ts";

/** Most that is taken over of one file at a time; a sandbox that says more loses the older part. */
const maxReadBytes = 256 * 1024;

interface Open {
  fd: number;
  inode: number;
  offset: number;
}

/** Reads on in a sandbox's console, also when its monitor begins a new file. Holds a descriptor until `close`. */
export class ConsoleFollower {
  readonly #path: string;
  #lines = new ConsoleLines();
  #open: Open | undefined;
  #resumeAt: ConsolePosition | undefined;

  constructor(path: string, resumeAt: ConsolePosition | undefined) {
    this.#path = path;
    this.#resumeAt = resumeAt;
  }

  /** What was said since the last call. */
  read(): { entries: LogEntry[]; position: ConsolePosition | undefined } {
    const entries: LogEntry[] = [];
    this.#open ??= this.#openFile();
    if (!this.#open) return { entries, position: undefined };
    this.#readOn(this.#open, entries);
    if (this.#isReplaced(this.#open)) {
      // What the monitor wrote into the old file before it turned is read by now.
      this.close();
      this.#open = this.#openFile();
      if (this.#open) this.#readOn(this.#open, entries);
    }
    return { entries, position: this.#position() };
  }

  close(): void {
    if (this.#open) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #openFile(): Open | undefined {
    try {
      const fd = openSync(this.#path, "r");
      const inode = fstatSync(fd).ino;
      const offset = this.#resumeAt?.inode === inode ? this.#resumeAt.offset : 0;
      this.#resumeAt = undefined;
      return { fd, inode, offset };
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  #isReplaced(open: Open): boolean {
    const now = statSync(this.#path, { throwIfNoEntry: false });
    return now !== undefined && now.ino !== open.inode;
  }

  #position(): ConsolePosition | undefined {
    const pending = this.#lines.pendingBytes;
    if (!this.#open || pending === undefined) return undefined;
    return { inode: this.#open.inode, offset: this.#open.offset - pending };
  }

  #readOn(open: Open, entries: LogEntry[]): void {
    const { size } = fstatSync(open.fd);
    // Emptied in place.
    if (size < open.offset) open.offset = 0;
    const skipped = size - open.offset - maxReadBytes;
    if (skipped > 0) {
      open.offset = size - maxReadBytes;
      this.#lines = new ConsoleLines();
      entries.push(nodeEntry("warn", "console output left out", { bytes: skipped }));
    }
    const buffer = Buffer.alloc(Math.min(maxReadBytes, size - open.offset));
    const length = readSync(open.fd, buffer, 0, buffer.length, open.offset);
    open.offset += length;
    for (const { atMs, stream, text } of this.#lines.push(buffer.subarray(0, length))) {
      entries.push(consoleEntry(atMs, stream, text));
    }
  }
}
