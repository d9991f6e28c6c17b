import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

export interface LayerSize {
  files: number;
  /** Content of regular files; a file with several names counts once. */
  bytes: number;
}

/** Walks a layer. */
export async function layerSize(directory: string): Promise<LayerSize> {
  const total: LayerSize = { files: 0, bytes: 0 };
  const seen = new Set<string>();
  const waiting = [directory];
  for (let current = waiting.pop(); current !== undefined; current = waiting.pop()) {
    for (const entry of await readdir(current, { withFileTypes: true })) {
      const path = join(current, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      if (!entry.isFile()) continue;
      const { ino, nlink, size } = await lstat(path);
      if (nlink > 1 && seen.has(String(ino))) continue;
      if (nlink > 1) seen.add(String(ino));
      total.files++;
      total.bytes += size;
    }
  }
  return total;
}
