import { poll } from "@sandbank/core/deadline";
import { AppError, errorText } from "@sandbank/core/errors";
import { KeyedLock } from "@sandbank/core/keyed-lock";
import type { Logger } from "@sandbank/core/logger";
import { VolumeFolders, type VolumePlace } from "./volume-folder.ts";

/** How long a volume that nobody uses stays mounted. */
const defaultIdleMs = 30_000;
/** A client has the last byte of a transfer before the node knows that it is over. */
const transferGraceMs = 1000;

/** The right to read and write a volume's content. */
export interface VolumeLease extends VolumePlace {
  release(): void;
}

/** Of a volume that is mounted. */
interface MountedVolume {
  /** Sandboxes that have it. */
  holders: Set<string>;
  /** Reads and writes of its content under way. */
  uses: number;
  idleTimer: NodeJS.Timeout | undefined;
}

export interface VolumeManagerOptions {
  /** One folder per volume. */
  dir: string;
  logger: Logger;
  idleMs?: number;
}

/** The volumes on this node's disk. Each is mounted once, while something uses it and for a moment after. */
export class VolumeManager {
  readonly #folders: VolumeFolders;
  readonly #logger: Logger;
  readonly #idleMs: number;
  /** Held by id while a volume is made, mounted, unmounted or removed. */
  readonly #locks = new KeyedLock();
  readonly #mounted = new Map<string, MountedVolume>();
  #closed = false;

  constructor({ dir, logger, idleMs = defaultIdleMs }: VolumeManagerOptions) {
    this.#folders = new VolumeFolders(dir);
    this.#logger = logger;
    this.#idleMs = idleMs;
  }

  /** Takes up what an earlier process left mounted. Before anything else is asked of it. */
  async open(): Promise<void> {
    await this.#folders.sweep();
    for (const volumeId of this.#folders.list()) {
      if (!this.#folders.isMounted(volumeId)) continue;
      this.#mounted.set(volumeId, { holders: new Set(), uses: 0, idleTimer: undefined });
      await this.#folders.clearStaging(volumeId);
      this.#watchIdle(volumeId);
    }
  }

  /** Ids of all volumes. */
  list(): string[] {
    return this.#folders.list();
  }

  /** Idempotent by id. */
  create(volumeId: string, sizeMib: number): Promise<void> {
    return this.#locks.run(volumeId, async () => {
      if (!this.#folders.exists(volumeId)) await this.#folders.create(volumeId, sizeMib);
    });
  }

  /** Also when there is none. Rejects with `conflict` while a sandbox uses it, or a transfer that does not end soon. */
  remove(volumeId: string): Promise<void> {
    return this.#locks.run(volumeId, async () => {
      const volume = this.#mounted.get(volumeId);
      if (volume?.holders.size === 0) {
        await poll(() => volume.uses === 0 || undefined, { timeoutMs: transferGraceMs });
      }
      if (volume && !isIdle(volume)) throw inUse(volumeId, volume);
      if (!this.#folders.exists(volumeId)) return;
      clearTimeout(volume?.idleTimer);
      await this.#folders.remove(volumeId);
      this.#mounted.delete(volumeId);
    });
  }

  /** Keeps the volume mounted for a sandbox until `release`; gives the directory to show. Rejects with `not_found`. */
  async hold(volumeId: string, sandboxId: string): Promise<string> {
    return this.#locks.run(volumeId, async () => {
      (await this.#mount(volumeId)).holders.add(sandboxId);
      return this.#folders.place(volumeId).dataDir;
    });
  }

  /** The sandbox has ended: it holds no volume any more. */
  release(sandboxId: string): void {
    for (const [volumeId, volume] of this.#mounted) {
      if (volume.holders.delete(sandboxId)) this.#watchIdle(volumeId);
    }
  }

  /** Keeps the volume mounted until the lease is given back, once. Rejects with `not_found`. */
  async acquire(volumeId: string): Promise<VolumeLease> {
    const volume = await this.#locks.run(volumeId, async () => {
      const mounted = await this.#mount(volumeId);
      mounted.uses++;
      return mounted;
    });
    return {
      ...this.#folders.place(volumeId),
      release: () => {
        volume.uses--;
        this.#watchIdle(volumeId);
      },
    };
  }

  /** Unmounts what no sandbox has; with `all`, after the sandboxes' end, everything. */
  async close({ all }: { all: boolean }): Promise<void> {
    this.#closed = true;
    for (const [volumeId, volume] of this.#mounted) {
      clearTimeout(volume.idleTimer);
      if (!all && !isIdle(volume)) continue;
      await this.#locks.run(volumeId, () => this.#unmount(volumeId));
      if (all && this.#mounted.delete(volumeId)) this.#folders.detach(volumeId);
    }
  }

  async #mount(volumeId: string): Promise<MountedVolume> {
    if (this.#closed) throw new AppError({ code: "unavailable", message: "this node is shutting down" });
    const known = this.#mounted.get(volumeId);
    if (known) {
      clearTimeout(known.idleTimer);
      return known;
    }
    this.#folders.mount(volumeId);
    const volume: MountedVolume = { holders: new Set(), uses: 0, idleTimer: undefined };
    this.#mounted.set(volumeId, volume);
    await this.#folders.clearStaging(volumeId);
    return volume;
  }

  #watchIdle(volumeId: string): void {
    const volume = this.#mounted.get(volumeId);
    if (!volume || !isIdle(volume) || this.#closed) return;
    clearTimeout(volume.idleTimer);
    volume.idleTimer = setTimeout(() => {
      void this.#locks.run(volumeId, async () => {
        if (isIdle(volume) && this.#mounted.get(volumeId) === volume) await this.#unmount(volumeId);
      });
    }, this.#idleMs);
    volume.idleTimer.unref();
  }

  /** A volume that can't be unmounted stays mounted, which harms nobody. */
  async #unmount(volumeId: string): Promise<void> {
    try {
      await this.#folders.unmount(volumeId);
      this.#mounted.delete(volumeId);
    } catch (error) {
      this.#logger.error({ volumeId, error: errorText(error) }, "volume could not be unmounted");
    }
  }
}

/** The volumes of a folder, with what an earlier process left mounted. */
export async function openVolumes(options: VolumeManagerOptions): Promise<VolumeManager> {
  const volumes = new VolumeManager(options);
  await volumes.open();
  return volumes;
}

const isIdle = ({ holders, uses }: MountedVolume): boolean => holders.size === 0 && uses === 0;

function inUse(volumeId: string, { holders }: MountedVolume): AppError {
  const by = holders.size > 0 ? `sandboxes ${[...holders].join(", ")}` : "a transfer";
  return new AppError({ code: "conflict", message: `volume ${volumeId} is in use by ${by}` });
}
