import { readdirSync, statSync } from "node:fs";
import { AppError } from "@sandbank/core/errors";
import type { JsonObject } from "../rpc/fields.ts";
import type { EntryReader } from "./entry.ts";

/** Entries in one answer at most: beyond that memory would be at stake. */
const maxEntries = 500_000;

/** The entries below a directory down to `depth` levels, each directory followed by its content, sorted by name. */
export function listDirectory(path: string, depth: number, entries: EntryReader): JsonObject[] {
  if (!statOf(path).isDirectory()) {
    throw new AppError({ code: "invalid_argument", message: `path is not a directory: ${path}` });
  }
  const found: JsonObject[] = [];
  const walk = (directory: string, levels: number): void => {
    for (const name of readSorted(directory, directory === path)) {
      const childPath = directory === "/" ? `/${name}` : `${directory}/${name}`;
      const entry = entries.readKnown(childPath);
      // Removed since the directory was read.
      if (!entry) continue;
      if (found.push(entry) > maxEntries) {
        throw new AppError({
          code: "resource_exhausted",
          message: `more than ${maxEntries} entries below ${path}`,
        });
      }
      // Links to directories are shown, not entered: so no loop can catch the walk.
      const isDirectory = entry["type"] === "FILE_TYPE_DIRECTORY" && entry["symlinkTarget"] === undefined;
      if (levels > 1 && isDirectory) walk(childPath, levels - 1);
    }
  };
  walk(path, Math.max(depth, 1));
  return found;
}

function statOf(path: string) {
  try {
    return statSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") throw new AppError({ code: "not_found", message: `directory not found: ${path}` });
    if (code === "ELOOP") {
      throw new AppError({
        code: "failed_precondition",
        message: `too many symbolic links: ${path}`,
        cause: error,
      });
    }
    throw error;
  }
}

function readSorted(directory: string, isTop: boolean): string[] {
  try {
    // By UTF-16 code units, which is what sort does unless told otherwise.
    return readdirSync(directory).sort();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // A subdirectory that went away, or is too deep to name, has nothing to show.
    if (!isTop && (code === "ENOENT" || code === "ENAMETOOLONG")) return [];
    throw error;
  }
}
