/** What the use-cases need of a node's volumes. Errors are AppErrors as the node made them. */
export interface VolumePort {
  /** Idempotent by id. */
  create(volumeId: string, sizeMib: number): Promise<void>;
  /** Also when there is none. Rejects with `conflict` while something uses it. */
  remove(volumeId: string): Promise<void>;
  /** Ids of all volumes that the node has. */
  list(): Promise<string[]>;
  stat(target: EntryTarget): Promise<VolumeEntry>;
  /** Parents before what is in them; without the directory itself. */
  entries(target: EntryTarget, depth: number): Promise<VolumeEntry[]>;
  makeDirectory(target: EntryTarget, how: { ownership: Ownership; force: boolean }): Promise<VolumeEntry>;
  update(target: EntryTarget, ownership: Ownership): Promise<VolumeEntry>;
  /** With all that is in it. */
  removeEntry(target: EntryTarget): Promise<void>;
  /** The file is open until `bytes` is read to its end or returned. */
  read(target: EntryTarget): Promise<FileContent>;
  /** The file is there as a whole, or not at all. */
  write(file: NewFile): Promise<VolumeEntry>;
}

export interface EntryTarget {
  volumeId: string;
  /** As the tenant wrote it. */
  path: string;
}

/** Absent ones are left as they are, or as they are for new files. */
export interface Ownership {
  uid?: number | undefined;
  gid?: number | undefined;
  /** Permission bits. */
  mode?: number | undefined;
}

export interface VolumeEntry {
  name: string;
  path: string;
  type: "file" | "directory" | "symlink" | "unknown";
  size: number;
  mode: number;
  uid: number;
  gid: number;
  atimeMs: number;
  mtimeMs: number;
  ctimeMs: number;
  /** Of a symlink. */
  target?: string | undefined;
}

export interface FileContent {
  sizeBytes: number;
  bytes: AsyncIterable<Uint8Array>;
}

export interface NewFile extends EntryTarget {
  ownership: Ownership;
  /** Makes missing parents, and replaces a file that is there. */
  force: boolean;
  bytes: AsyncIterable<Uint8Array>;
}
