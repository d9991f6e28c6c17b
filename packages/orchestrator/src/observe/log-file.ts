import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { hasCode } from "@sandbank/linux/libc";
import type { LogEntry } from "./log-entry.ts";

/** Where the follower of a console had got to when it handed over an entry. */
export interface ConsolePosition {
  /** Inode of the console's file: it is begun anew at a bound. */
  inode: number;
  /** Bytes of it that have been taken over. */
  offset: number;
}

interface StoredLine extends LogEntry {
  console?: ConsolePosition;
}

/** Which of a sandbox's kept logs: what is said by and about it, or what became of its connections. */
export type LogName = "log" | "egress";

const currentFile = (name: LogName): string => `${name}.jsonl`;
const previousFile = (name: LogName): string => `${name}.1.jsonl`;

const readText = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
};

function parseLine(line: string): StoredLine | undefined {
  try {
    return JSON.parse(line) as StoredLine;
  } catch {
    // A machine that went down in mid-write leaves half a line.
    return undefined;
  }
}

/**
 * The kept log of one sandbox: two files in turn, each at most half of `maxBytes`, entries in the order of their times.
 * Writes are synchronous: they are rare, small, and must not overtake one another.
 */
export class LogFile {
  readonly #dir: string;
  readonly #name: LogName;
  readonly #maxFileBytes: number;
  #size: number;
  #lastMs: number;
  /** Of the last console entry that is stored. */
  readonly position: ConsolePosition | undefined;

  constructor(dir: string, maxBytes: number, name: LogName = "log") {
    this.#dir = dir;
    this.#name = name;
    this.#maxFileBytes = maxBytes / 2;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.#size = statSync(this.#path(currentFile(name)), { throwIfNoEntry: false })?.size ?? 0;
    // What is appended must not become part of half a line.
    if (this.#size > 0 && !readText(this.#path(currentFile(this.#name))).endsWith("\n")) this.#write("\n", 1);
    let lastMs = 0;
    for (const entry of linesFromEnd(dir, name)) {
      lastMs ||= entry.atMs;
      if (!entry.console) continue;
      this.position = entry.console;
      break;
    }
    this.#lastMs = lastMs;
  }

  /** `position` is what the follower has taken over when these are stored. */
  append(entries: LogEntry[], position?: ConsolePosition): void {
    let pending = "";
    let pendingBytes = 0;
    for (const [index, entry] of entries.entries()) {
      this.#lastMs = Math.max(this.#lastMs, entry.atMs);
      const stored: StoredLine = { ...entry, atMs: this.#lastMs };
      if (position && index === entries.length - 1) stored.console = position;
      const line = `${JSON.stringify(stored)}\n`;
      const bytes = Buffer.byteLength(line);
      if (this.#size + pendingBytes + bytes > this.#maxFileBytes) {
        this.#write(pending, pendingBytes);
        this.#turn();
        [pending, pendingBytes] = ["", 0];
      }
      pending += line;
      pendingBytes += bytes;
    }
    this.#write(pending, pendingBytes);
  }

  /** A reader has seen everything up to `atMs` and goes on after it: no entry must come in behind that. */
  seal(atMs: number): void {
    this.#lastMs = Math.max(this.#lastMs, atMs + 1);
  }

  #write(text: string, bytes: number): void {
    if (bytes === 0) return;
    appendFileSync(this.#path(currentFile(this.#name)), text, { mode: 0o600 });
    this.#size += bytes;
  }

  #turn(): void {
    if (this.#size === 0) return;
    renameSync(this.#path(currentFile(this.#name)), this.#path(previousFile(this.#name)));
    this.#size = 0;
  }

  #path(name: string): string {
    return `${this.#dir}/${name}`;
  }
}

/** Entries of a kept log, newest first, read no further than the caller goes. Empty when there is none. */
export function* linesFromEnd(dir: string, name: LogName = "log"): Generator<StoredLine> {
  for (const file of [currentFile(name), previousFile(name)]) {
    const text = readText(`${dir}/${file}`);
    let end = text.length;
    while (end > 0) {
      const start = text.lastIndexOf("\n", end - 2) + 1;
      const entry = parseLine(text.slice(start, end));
      if (entry) yield entry;
      end = start;
    }
  }
}
