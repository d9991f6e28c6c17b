import { type Dirent, readdirSync } from "node:fs";
import { inotifyBits, type InotifyEvent } from "../system/inotify.ts";
import type { DirectoryListener, WatchHub } from "./watch-hub.ts";

export type WatchEventType = "CREATE" | "RENAME" | "CHMOD" | "WRITE" | "REMOVE";

export interface TreeWatchOptions {
  root: string;
  recursive: boolean;
  /** `path` is absolute. */
  onEvent: (path: string, type: WatchEventType) => void;
  onOverflow: () => void;
}

/** The order in which one kernel event with several bits is told. */
const types: [WatchEventType, number][] = [
  ["CREATE", inotifyBits.create | inotifyBits.movedTo],
  ["RENAME", inotifyBits.movedFrom | inotifyBits.moveSelf],
  ["CHMOD", inotifyBits.attrib],
  ["WRITE", inotifyBits.modify],
  ["REMOVE", inotifyBits.delete | inotifyBits.deleteSelf],
];

/** Only events that are queued already can repeat what was told. */
const maxTold = 20_000;

/** Watches a directory, or a tree with the directories that come to be in it. */
export class TreeWatch implements DirectoryListener {
  readonly #hub: WatchHub;
  readonly #options: TreeWatchOptions;
  readonly #watched = new Map<string, number>();
  readonly #paths = new Map<number, string>();
  #moving: { cookie: number; path: string } | undefined;
  /** Entries told of by a look into a new directory; the kernel may tell of them once more. */
  readonly #told = new Set<string>();

  constructor(hub: WatchHub, options: TreeWatchOptions) {
    this.#hub = hub;
    this.#options = options;
    try {
      this.#add(options.root);
      if (options.recursive) this.#descend(options.root, false);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    for (const wd of this.#paths.keys()) this.#hub.remove(wd, this);
    this.#paths.clear();
    this.#watched.clear();
  }

  onOverflow(): void {
    this.#options.onOverflow();
  }

  onEvent(event: InotifyEvent): void {
    const { mask, name } = event;
    const isNew = this.#settleMove(event) || (mask & inotifyBits.create) !== 0;
    const directory = this.#paths.get(event.wd);
    if (directory === undefined) return;
    if (mask & inotifyBits.ignored) return this.#drop(event.wd, directory);
    // A directory below the root is told of by its parent.
    if (name === "" && directory !== this.#options.root) return;
    const path = name === "" ? directory : join(directory, name);
    const isKnown = (mask & inotifyBits.create) !== 0 && this.#told.delete(path);
    if (mask & (inotifyBits.delete | inotifyBits.movedFrom)) this.#told.delete(path);
    for (const [type, bits] of types) {
      if ((mask & bits) !== 0 && !(type === "CREATE" && isKnown)) this.#options.onEvent(path, type);
    }
    if (this.#options.recursive && name !== "" && mask & inotifyBits.isDirectory)
      this.#follow(path, event, isNew);
  }

  #follow(path: string, { mask, cookie }: InotifyEvent, isNew: boolean): void {
    if (mask & inotifyBits.movedFrom) this.#moving = { cookie, path };
    if (mask & (inotifyBits.create | inotifyBits.movedTo) && !this.#watched.has(path)) {
      try {
        // What was made in a new directory before it was watched would be lost otherwise.
        if (this.#add(path)) this.#descend(path, isNew);
      } catch {
        // No more watches to be had: from here on events are missing, and the client must know.
        this.#options.onOverflow();
      }
    }
  }

  /**
   * A directory moved within the tree keeps its watches, under their new paths; one moved away loses them.
   * True when one arrives that was made too short a while ago to have any: nothing in it was told of yet.
   */
  #settleMove({ wd, mask, cookie, name }: InotifyEvent): boolean {
    const moving = this.#moving;
    // The directory's own notice of the move comes between or after the two halves.
    if (!moving || (name === "" && mask & inotifyBits.moveSelf)) return false;
    this.#moving = undefined;
    const isUnwatched = !this.#watched.has(moving.path);
    const directory = this.#paths.get(wd);
    const arrives = (mask & inotifyBits.movedTo) !== 0 && cookie === moving.cookie && directory !== undefined;
    const moved = this.#watched
      .entries()
      .filter(([path]) => path === moving.path || path.startsWith(`${moving.path}/`));
    for (const [path, watched] of moved.toArray()) {
      this.#watched.delete(path);
      if (arrives) this.#set(watched, join(directory, name) + path.slice(moving.path.length));
      else {
        this.#paths.delete(watched);
        this.#hub.remove(watched, this);
      }
    }
    return arrives && isUnwatched;
  }

  #add(path: string): boolean {
    const wd = this.#hub.add(path, this);
    if (wd !== undefined) this.#set(wd, path);
    return wd !== undefined;
  }

  #set(wd: number, path: string): void {
    this.#paths.set(wd, path);
    this.#watched.set(path, wd);
  }

  #drop(wd: number, path: string): void {
    this.#paths.delete(wd);
    if (this.#watched.get(path) === wd) this.#watched.delete(path);
  }

  #descend(directory: string, tell: boolean): void {
    for (const child of readEntries(directory)) {
      const path = join(directory, child.name);
      if (tell) {
        if (this.#told.size >= maxTold) this.#told.clear();
        this.#told.add(path);
        this.#options.onEvent(path, "CREATE");
      }
      if (child.isDirectory() && !this.#watched.has(path) && this.#add(path)) this.#descend(path, tell);
    }
  }
}

function join(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

function readEntries(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    // Gone again: its parent tells of that.
    return [];
  }
}
