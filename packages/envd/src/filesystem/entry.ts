import { type BigIntStats, lstatSync, readlinkSync, type Stats, statSync } from "node:fs";
import type { JsonObject } from "../rpc/fields.ts";
import type { MetadataStore } from "../system/xattr.ts";
import type { UserDatabase } from "../system/users.ts";

export type FileKind =
  | "FILE_TYPE_UNSPECIFIED"
  | "FILE_TYPE_FILE"
  | "FILE_TYPE_DIRECTORY"
  | "FILE_TYPE_SYMLINK";

const S_IFMT = 0o170000;
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
  /** There are at most 65,536 modes, and a handful in practice. */
  readonly #permissionTexts = new Map<number, string>();

  constructor(users: UserDatabase, metadata: MetadataStore) {
    this.#users = users;
    this.#metadata = metadata;
  }

  /** Undefined when nothing is there. A symbolic link shows its target's type and attributes. */
  read(path: string): JsonObject | undefined {
    this.#users.refresh();
    return this.readKnown(path);
  }

  /** As `read`, for many paths after one `refresh` of the users. */
  readKnown(path: string): JsonObject | undefined {
    const own = lstatSync(path, { throwIfNoEntry: false });
    if (!own) return undefined;
    if (!own.isSymbolicLink()) return this.#entry(path, own, kindOf(own));
    const target = targetStat(path);
    const entry = this.#entry(path, target ?? own, target ? kindOf(target) : "FILE_TYPE_UNSPECIFIED");
    entry["symlinkTarget"] = readlinkSync(path);
    return entry;
  }

  #permissions(mode: number): string {
    const known = this.#permissionTexts.get(mode);
    if (known !== undefined) return known;
    const text = permissionsOf(mode);
    this.#permissionTexts.set(mode, text);
    return text;
  }

  #entry(path: string, stat: Stats, type: FileKind): JsonObject {
    const entry: JsonObject = {
      name: path.slice(path.lastIndexOf("/") + 1) || "/",
      type,
      path,
      size: String(stat.size),
      mode: stat.mode & 0o777,
      permissions: this.#permissions(stat.mode),
      owner: this.#users.userName(stat.uid),
      group: this.#users.groupName(stat.gid),
      modifiedTime: stat.mtime.toISOString(),
    };
    const metadata = type === "FILE_TYPE_FILE" ? this.#metadata.read(path) : undefined;
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
