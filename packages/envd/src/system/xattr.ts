import type { Libc } from "../runtime/runtime.ts";
import { errno, syscallNumber } from "./syscalls.ts";

const prefix = "user.e2b.";
const listBytes = 65536;
const valueBytes = 65536;

const cString = (text: string): Uint8Array => Buffer.from(`${text}\0`);

/** File metadata that clients attach at upload, kept as extended attributes `user.e2b.<key>`. */
export class MetadataStore {
  readonly libc: Libc;
  readonly #list = new Uint8Array(listBytes);
  readonly #value = new Uint8Array(valueBytes);

  constructor(libc: Libc) {
    this.libc = libc;
  }

  /** Undefined when the file has none, or its file system keeps none. Follows symbolic links. */
  read(path: string): Record<string, string> | undefined {
    return this.readEncoded(cString(path));
  }

  /** As `read`, of a path that ends in NUL. */
  readEncoded(file: Uint8Array): Record<string, string> | undefined {
    // Asked for the size alone first, which is 0 nearly always: the kernel clears a buffer as large as the one given.
    if (this.libc.syscall(syscallNumber("listxattr"), file, 0, 0) <= 0) return undefined;
    const size = this.libc.syscall(syscallNumber("listxattr"), file, this.#list, listBytes);
    if (size <= 0) return undefined;
    let metadata: Record<string, string> | undefined;
    for (const name of Buffer.from(this.#list.buffer, 0, size).toString().split("\0")) {
      if (!name.startsWith(prefix)) continue;
      const length = this.libc.syscall(
        syscallNumber("getxattr"),
        file,
        cString(name),
        this.#value,
        valueBytes,
      );
      if (length < 0) continue;
      metadata ??= {};
      metadata[name.slice(prefix.length)] = Buffer.from(this.#value.buffer, 0, length).toString();
    }
    return metadata;
  }

  /** Makes `metadata` the whole set of an open file. Gives minus errno when the file system refuses. */
  replace(fd: number, metadata: Record<string, string>): number {
    const size = this.libc.syscall(syscallNumber("flistxattr"), fd, this.#list, listBytes);
    const old = size > 0 ? Buffer.from(this.#list.buffer, 0, size).toString().split("\0") : [];
    for (const name of old) {
      if (name.startsWith(prefix) && !Object.hasOwn(metadata, name.slice(prefix.length))) {
        this.libc.syscall(syscallNumber("fremovexattr"), fd, cString(name));
      }
    }
    for (const [key, value] of Object.entries(metadata)) {
      const bytes = Buffer.from(value);
      const result = this.libc.syscall(
        syscallNumber("fsetxattr"),
        fd,
        cString(prefix + key),
        bytes,
        bytes.length,
        0,
      );
      if (result < 0) return result;
    }
    return 0;
  }
}

/** The file system has no user attributes at all. */
export function isUnsupported(result: number): boolean {
  return result === -errno.EOPNOTSUPP;
}
