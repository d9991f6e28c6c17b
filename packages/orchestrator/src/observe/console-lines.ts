export interface ConsoleLine {
  atMs: number;
  stream: string;
  text: string;
}

const linePattern = /^(\S+) (stdout|stderr) ([FP]) (.*)$/s;

/** A line that goes on for longer than this is handed out in pieces. */
const maxLineLength = 64 * 1024;

/** Puts a monitor's log together again: bytes in, whole lines of the console out. */
export class ConsoleLines {
  #rest = Buffer.alloc(0);
  readonly #partial = new Map<string, string>();

  push(bytes: Uint8Array): ConsoleLine[] {
    const all = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : Buffer.from(bytes);
    const end = all.lastIndexOf(10) + 1;
    this.#rest = all.subarray(end);
    const lines: ConsoleLine[] = [];
    // A byte is a character until the line is whole: the monitor splits lines anywhere.
    for (const raw of all.toString("latin1", 0, end).split("\n")) {
      const match = linePattern.exec(raw);
      if (match) this.#take(match, lines);
    }
    return lines;
  }

  /** How many of the bytes pushed last wait for the end of their line; undefined when earlier ones do, too. */
  get pendingBytes(): number | undefined {
    return this.#partial.size === 0 ? this.#rest.length : undefined;
  }

  #take([, time = "", stream = "", tag, piece = ""]: RegExpExecArray, lines: ConsoleLine[]): void {
    const text = (this.#partial.get(stream) ?? "") + piece;
    if (tag === "P" && text.length < maxLineLength) {
      this.#partial.set(stream, text);
      return;
    }
    this.#partial.delete(stream);
    const atMs = Date.parse(time);
    lines.push({
      atMs: Number.isNaN(atMs) ? Date.now() : atMs,
      stream,
      text: Buffer.from(text, "latin1").toString(),
    });
  }
}
