import { chownSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path/posix";
import type { User } from "../system/users.ts";

/** Makes a directory and its missing parents (0755), owned by the user; existing ones stay as they are. */
export function makeOwnedDirectories(path: string, user: User): void {
  const missing: string[] = [];
  for (let current = path; !statSync(current, { throwIfNoEntry: false }); current = dirname(current)) {
    missing.push(current);
  }
  for (const directory of missing.toReversed()) {
    try {
      mkdirSync(directory, { mode: 0o755 });
      chownSync(directory, user.uid, user.gid);
    } catch (error) {
      // Made by somebody else in the meantime: then it is theirs.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
