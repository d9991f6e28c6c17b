import type { Libc } from "../runtime/runtime.ts";
import { syscallNumber } from "./syscalls.ts";

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_BASIC_STATS = 0x7ff;
const structBytes = 256;
const pathBytes = 4096;

/** What an entry shows of a file. */
export interface FileAttributes {
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Since 1970, whole. */
  mtimeMs: number;
}

/** Stats one path after another by statx, without an object of a dozen fields and four dates for each. */
export class PathStat {
  readonly #libc: Libc;
  readonly #encoder = new TextEncoder();
  readonly #path = new Uint8Array(pathBytes);
  readonly #result = new Uint32Array(structBytes / 4);

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** The path with its NUL as the kernel takes it; good until the next call. Undefined when it is too long. */
  encode(path: string): Uint8Array | undefined {
    const { read, written } = this.#encoder.encodeInto(path, this.#path);
    if (read < path.length || written === pathBytes) return undefined;
    this.#path[written] = 0;
    return this.#path;
  }

  /** Of the link itself where the path is one. Undefined for whatever reason it cannot be had. */
  read(encoded: Uint8Array): FileAttributes | undefined {
    const words = this.#result;
    const number = syscallNumber("statx");
    if (this.#libc.syscall(number, AT_FDCWD, encoded, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, words) !== 0)
      return undefined;
    // struct statx in words of 32 bits, little-endian on every machine in question.
    const word = (index: number): number => words[index] ?? 0;
    const seconds = (word(29) | 0) * 2 ** 32 + word(28);
    return {
      mode: word(7) & 0xffff,
      uid: word(5),
      gid: word(6),
      size: word(11) * 2 ** 32 + word(10),
      mtimeMs: seconds * 1000 + Math.floor(word(30) / 1e6),
    };
  }
}
