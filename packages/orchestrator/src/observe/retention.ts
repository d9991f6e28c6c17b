import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isSandboxId } from "@sandbank/core/ids";

interface Kept {
  dir: string;
  bytes: number;
  /** Of the newest change. */
  changedMs: number;
  isLive: boolean;
}

export interface RetentionOptions {
  dir: string;
  isLive: (sandboxId: string) => boolean;
  /** Since the last change. */
  maxAgeMs: number;
  /** Of everything that is kept; the sandboxes that ended first go first. */
  maxTotalBytes: number;
}

/** What takes room on the disk: blocks, not the length of a file with holes. */
const blockBytes = 512;

async function measure(root: string, sandboxId: string, isLive: boolean): Promise<Kept> {
  const dir = join(root, sandboxId);
  const kept: Kept = { dir, bytes: 0, changedMs: 0, isLive };
  for (const name of await readdir(dir)) {
    const { blocks, mtimeMs } = await stat(join(dir, name));
    kept.bytes += blocks * blockBytes;
    kept.changedMs = Math.max(kept.changedMs, mtimeMs);
  }
  return kept;
}

/** Which of the ended sandboxes' folders have to go. */
export function expired(
  kept: Kept[],
  { maxAgeMs, maxTotalBytes }: RetentionOptions,
  nowMs: number,
): string[] {
  const ended = kept.filter(({ isLive }) => !isLive).toSorted((a, b) => a.changedMs - b.changedMs);
  let total = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  const gone: string[] = [];
  for (const { dir, bytes, changedMs } of ended) {
    if (nowMs - changedMs <= maxAgeMs && total <= maxTotalBytes) continue;
    total -= bytes;
    gone.push(dir);
  }
  return gone;
}

/** Removes logs and metrics of sandboxes that ended long ago, and of more when all together take too much room. */
export async function sweep(options: RetentionOptions): Promise<number> {
  const ids = (await readdir(options.dir)).filter(isSandboxId);
  const kept: Kept[] = [];
  for (const id of ids) kept.push(await measure(options.dir, id, options.isLive(id)));
  const gone = expired(kept, options, Date.now());
  for (const dir of gone) await rm(dir, { recursive: true, force: true });
  return gone.length;
}
