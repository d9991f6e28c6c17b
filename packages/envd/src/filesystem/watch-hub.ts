import type { Runtime } from "../runtime/runtime.ts";
import { Inotify, inotifyBits, type InotifyEvent } from "../system/inotify.ts";

/** Who is told about the events of a directory. */
export interface DirectoryListener {
  onEvent(event: InotifyEvent): void;
  /** Events were lost. */
  onOverflow(): void;
}

/** Shares one inotify instance between all watchers. */
export class WatchHub {
  readonly #inotify: Inotify;
  readonly #watched = new Map<number, Set<DirectoryListener>>();

  constructor(runtime: Runtime) {
    this.#inotify = new Inotify(runtime, (event) => this.#dispatch(event));
  }

  /** The watch descriptor; undefined when the directory is gone. */
  add(directory: string, listener: DirectoryListener): number | undefined {
    const wd = this.#inotify.add(directory);
    if (wd === undefined) return undefined;
    const listeners = this.#watched.get(wd) ?? new Set();
    this.#watched.set(wd, listeners.add(listener));
    return wd;
  }

  remove(wd: number, listener: DirectoryListener): void {
    const listeners = this.#watched.get(wd);
    if (!listeners?.delete(listener) || listeners.size > 0) return;
    this.#watched.delete(wd);
    if (this.#watched.size === 0) this.#inotify.close();
    else this.#inotify.remove(wd);
  }

  #dispatch(event: InotifyEvent): void {
    if (event.mask & inotifyBits.overflow) {
      const everybody = new Set([...this.#watched.values()].flatMap((listeners) => [...listeners]));
      for (const listener of everybody) listener.onOverflow();
      return;
    }
    const listeners = this.#watched.get(event.wd);
    if (!listeners) return;
    // The kernel has dropped the watch; the numbers are never used again.
    if (event.mask & inotifyBits.ignored) this.#watched.delete(event.wd);
    for (const listener of listeners) listener.onEvent(event);
  }
}
