import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, dirname, normalize } from "node:path";
import { hasCode } from "./libc.ts";
import { openInRoot, pathOfDescriptor } from "./open-in-root.ts";

const maxFileBytes = 64 * 1024 * 1024;
const missing = ["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"];

/**
 * Looks into a directory tree as a program would that has it as its root: links, absolute ones too, are followed inside
 * and never lead out. What is not there is undefined or empty.
 */
export class RootView implements Disposable {
  readonly #fd: number;

  /** Throws an error of node:fs when `root` is no directory. */
  constructor(root: string) {
    this.#fd = openSync(root, constants.O_DIRECTORY | constants.O_RDONLY);
  }

  /** The bytes of a regular file; undefined for anything else and for more than 64 MiB. */
  read(path: string): Buffer | undefined {
    // Not blocking: a pipe would wait for a writer.
    const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants;
    return this.#with(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, (fd) => {
      const status = fstatSync(fd);
      return status.isFile() && status.size <= maxFileBytes ? readFileSync(fd) : undefined;
    });
  }

  text(path: string): string | undefined {
    return this.read(path)?.toString();
  }

  /** SHA-256 of a regular file, in hex. */
  hash(path: string): string | undefined {
    const bytes = this.read(path);
    return bytes && createHash("sha256").update(bytes).digest("hex");
  }

  /** Where the link at `path` itself leads, as it is written. */
  link(path: string): string | undefined {
    const clean = normalize(`/${path}`);
    const directory = constants.O_DIRECTORY | constants.O_RDONLY;
    return this.#with(dirname(clean), directory, (fd) => {
      try {
        return readlinkSync(pathOfDescriptor(fd, basename(clean)));
      } catch (error) {
        if (hasCode(error, "EINVAL", ...missing)) return undefined;
        throw error;
      }
    });
  }

  /** Names in a directory, in order. */
  list(path: string): string[] {
    const names = this.#with(path, constants.O_DIRECTORY | constants.O_RDONLY, (fd) =>
      readdirSync(pathOfDescriptor(fd, ".")),
    );
    return (names ?? []).toSorted();
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #with<T>(path: string, flags: number, use: (fd: number) => T): T | undefined {
    let fd: number;
    try {
      fd = openInRoot(this.#fd, normalize(`/${path}`), flags);
    } catch (error) {
      if (hasCode(error, ...missing)) return undefined;
      throw error;
    }
    try {
      return use(fd);
    } finally {
      closeSync(fd);
    }
  }
}
