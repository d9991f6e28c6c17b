import { posix } from "node:path";
import { AppError } from "@sandbank/core/errors";
import type { User } from "./users.ts";

const PATH_MAX = 4096;

/** An absolute, cleaned path from what a client sent: `~` and relative paths start at the user's home, empty is the default directory. */
export function resolvePath(path: string, user: User, defaultWorkdir?: string): string {
  if (path.includes("\0")) throw invalid("path contains a NUL byte");
  if (Buffer.byteLength(path) >= PATH_MAX) throw invalid(`path is longer than ${PATH_MAX - 1} bytes`);
  if (path === "" && defaultWorkdir) return resolvePath(defaultWorkdir, user);
  if (path === "~") return posix.resolve("/", user.home);
  if (path.startsWith("~/")) return posix.resolve("/", user.home, path.slice(2));
  if (path.startsWith("~")) throw invalid("cannot expand the home directory of another user");
  return posix.resolve("/", user.home, path);
}

function invalid(message: string): AppError {
  return new AppError({ code: "invalid_argument", message });
}
