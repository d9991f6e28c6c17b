import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";

const pageBytes = 4096;
const chunkBytes = 4 * 1024 * 1024;

/** Processes of this machine that are in a sandbox's control group: also a sentry, which holds its guest's memory. */
export function processesOf(sandboxId: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => readOptional(`/proc/${pid}/cgroup`).includes(`/${sandboxId}`))
    .map(Number);
}

interface Range {
  start: number;
  end: number;
  /** Of the file whose pages processes share here, and where in it the range begins. */
  shared: { file: string; offset: number } | undefined;
}

/**
 * How often each text is in the memory of processes, seen from outside. Pages that they share (a gVisor guest's memory is
 * mapped into the sentry and into each of its stubs) are read once.
 */
export function countInMemory(pids: number[], texts: string[]): number[] {
  const needles = texts.map((text) => Buffer.from(text));
  const counts = needles.map(() => 0);
  const seen = new Map<string, Set<number>>();
  for (const pid of pids) {
    const files = openBoth(pid);
    if (!files) continue;
    try {
      for (const range of readableRanges(pid)) {
        for (const { start, end } of presentRanges(files.pagemap, range, seen)) {
          countInRange(files.memory, start, end, needles, counts);
        }
      }
    } finally {
      closeSync(files.memory);
      closeSync(files.pagemap);
    }
  }
  return counts;
}

function openBoth(pid: number): { memory: number; pagemap: number } | undefined {
  try {
    return { memory: openSync(`/proc/${pid}/mem`, "r"), pagemap: openSync(`/proc/${pid}/pagemap`, "r") };
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

function readableRanges(pid: number): Range[] {
  const lines = readOptional(`/proc/${pid}/maps`).split("\n");
  return lines.flatMap((line) => {
    const [, start = "", end = "", kind, offset = "", file = ""] =
      /^([0-9a-f]+)-([0-9a-f]+) r..([ps]) ([0-9a-f]+) (\S+ \d+)/.exec(line) ?? [];
    if (kind === undefined || /\[(vvar|vsyscall)/.test(line)) return [];
    const shared = kind === "s" ? { file, offset: Number.parseInt(offset, 16) } : undefined;
    return [{ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), shared }];
  });
}

/** Reading a page that is not there would make the kernel put one there: only those that are, are read. */
function* presentRanges(
  pagemap: number,
  { start, end, shared }: Range,
  seen: Map<string, Set<number>>,
): Generator<{ start: number; end: number }> {
  const entries = Buffer.alloc(512 * 1024);
  const seenOfFile = shared && (seen.get(shared.file) ?? new Set());
  if (shared && seenOfFile) seen.set(shared.file, seenOfFile);
  let from: number | undefined;
  for (let at = start; at < end;) {
    const wanted = Math.min(entries.length, ((end - at) / pageBytes) * 8);
    const read = readSync(pagemap, entries, 0, wanted, (at / pageBytes) * 8);
    if (read === 0) break;
    for (let i = 0; i < read; i += 8, at += pageBytes) {
      const isPresent = ((entries[i + 7] ?? 0) & 0x80) !== 0;
      const offset = shared ? shared.offset + at - start : 0;
      if (isPresent && !seenOfFile?.has(offset)) {
        from ??= at;
        seenOfFile?.add(offset);
      } else if (from !== undefined) {
        yield { start: from, end: at };
        from = undefined;
      }
    }
  }
  if (from !== undefined) yield { start: from, end };
}

function countInRange(memory: number, start: number, end: number, needles: Buffer[], counts: number[]): void {
  const overlap = Math.max(...needles.map(({ length }) => length)) - 1;
  const chunk = Buffer.alloc(Math.min(chunkBytes, end - start));
  for (let at = start; at < end; at += chunk.length - overlap) {
    const read = readAt(memory, chunk, Math.min(chunk.length, end - at), at);
    if (read === 0) return;
    const bytes = chunk.subarray(0, read);
    for (const [index, needle] of needles.entries()) {
      for (let found = bytes.indexOf(needle); found !== -1; found = bytes.indexOf(needle, found + 1)) {
        counts[index] = (counts[index] ?? 0) + 1;
      }
    }
    if (at + read >= end || chunk.length <= overlap) return;
  }
}

/** 0 where the kernel lets nobody read. */
function readAt(memory: number, into: Buffer, length: number, at: number): number {
  try {
    return readSync(memory, into, 0, length, at);
  } catch (error) {
    if (["EIO", "EFAULT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return 0;
    throw error;
  }
}

function readOptional(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}
