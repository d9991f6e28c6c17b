import { type BigIntStats, lstatSync, readlinkSync, type Stats, statSync } from "node:fs";
import type { JsonObject } from "../rpc/fields.ts";
import { type FileAttributes, PathStat } from "../system/path-stat.ts";
import type { MetadataStore } from "../system/xattr.ts";
import type { UserDatabase } from "../system/users.ts";

export type FileKind =
  | "FILE_TYPE_UNSPECIFIED"
  | "FILE_TYPE_FILE"
  | "FILE_TYPE_DIRECTORY"
  | "FILE_TYPE_SYMLINK";

const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;
const kinds: Record<number, FileKind> = {
  0o100000: "FILE_TYPE_FILE",
  0o040000: "FILE_TYPE_DIRECTORY",
};
/** Leading letters as Go prints a mode. */
const typeLetters: Record<number, string> = {
  0o040000: "d",
  0o120000: "L",
  0o010000: "p",
  0o140000: "S",
  0o020000: "Dc",
  0o060000: "D",
};

/** Makes filesystem.EntryInfo of paths. */
export class EntryReader {
  readonly #users: UserDatabase;
  readonly #metadata: MetadataStore;
  readonly #stat: PathStat;
  /** There are at most 65,536 modes, and a handful in practice. */
  readonly #permissionTexts = new Map<number, string>();
  #lastTime = { ms: 0, text: new Date(0).toISOString() };

  constructor(users: UserDatabase, metadata: MetadataStore) {
    this.#users = users;
    this.#metadata = metadata;
    this.#stat = new PathStat(metadata.libc);
  }

  /** Undefined when nothing is there. A symbolic link shows its target's type and attributes. */
  read(path: string): JsonObject | undefined {
    this.#users.refresh();
    return this.readKnown(path);
  }

  /** As `read`, for many paths after one `refresh` of the users. */
  readKnown(path: string): JsonObject | undefined {
    const encoded = this.#stat.encode(path);
    const attributes = encoded && this.#stat.read(encoded);
    if (encoded && attributes && (attributes.mode & S_IFMT) !== S_IFLNK) {
      const type = kinds[attributes.mode & S_IFMT] ?? "FILE_TYPE_UNSPECIFIED";
      const metadata = type === "FILE_TYPE_FILE" ? this.#metadata.readEncoded(encoded) : undefined;
      return this.#entry(path, attributes, type, metadata);
    }
    return this.#readLink(path);
  }

  /** Links, and what statx has no answer for. */
  #readLink(path: string): JsonObject | undefined {
    const own = lstatSync(path, { throwIfNoEntry: false });
    if (!own) return undefined;
    const isLink = own.isSymbolicLink();
    const target = isLink ? targetStat(path) : own;
    const type = target ? kindOf(target) : "FILE_TYPE_UNSPECIFIED";
    const metadata = type === "FILE_TYPE_FILE" ? this.#metadata.read(path) : undefined;
    const entry = this.#entry(path, target ?? own, type, metadata);
    if (isLink) entry["symlinkTarget"] = readlinkSync(path);
    return entry;
  }

  #permissions(mode: number): string {
    const known = this.#permissionTexts.get(mode);
    if (known !== undefined) return known;
    const text = permissionsOf(mode);
    this.#permissionTexts.set(mode, text);
    return text;
  }

  /** Neighbours in a directory are often of the same moment, and writing one out costs as much as a system call. */
  #timeText(ms: number): string {
    if (ms !== this.#lastTime.ms) this.#lastTime = { ms, text: new Date(ms).toISOString() };
    return this.#lastTime.text;
  }

  #entry(
    path: string,
    stat: FileAttributes,
    type: FileKind,
    metadata: Record<string, string> | undefined,
  ): JsonObject {
    const entry: JsonObject = {
      name: path.slice(path.lastIndexOf("/") + 1) || "/",
      type,
      path,
      size: String(stat.size),
      mode: stat.mode & 0o777,
      permissions: this.#permissions(stat.mode),
      owner: this.#users.userName(stat.uid),
      group: this.#users.groupName(stat.gid),
      modifiedTime: this.#timeText(stat.mtimeMs),
    };
    if (metadata) entry["metadata"] = metadata;
    return entry;
  }
}

function targetStat(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    // Dangling, or a loop: the link itself is all there is to show.
    return undefined;
  }
}

export function kindOf(stat: Stats | BigIntStats): FileKind {
  if (stat.isFile()) return "FILE_TYPE_FILE";
  if (stat.isDirectory()) return "FILE_TYPE_DIRECTORY";
  return stat.isSymbolicLink() ? "FILE_TYPE_SYMLINK" : "FILE_TYPE_UNSPECIFIED";
}

/** `-rw-r--r--`, with the type and the special bits as letters in front. */
export function permissionsOf(mode: number): string {
  let special = typeLetters[mode & S_IFMT] ?? "";
  if (mode & 0o4000) special += "u";
  if (mode & 0o2000) special += "g";
  if (mode & 0o1000) special += "t";
  let text = special || "-";
  for (let bit = 8; bit >= 0; bit--) text += mode & (1 << bit) ? ("xwr"[bit % 3] ?? "") : "-";
  return text;
}
