import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@sandbank/core/errors";
import { makeDiskFile, mountDiskFile, unmountDiskFile } from "@sandbank/linux/disk-file";
import { abandonExt4 } from "@sandbank/linux/ext4";
import { mountPointsUnder, unmount } from "@sandbank/linux/mount";

/** Endings of folders that are not a volume yet, and no longer. */
const endings = { unfinished: ".new", deleted: ".gone" };
const isVolumeId = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

/** Where the parts of a mounted volume are. */
export interface VolumePlace {
  /** What tenants see as the volume's root. */
  dataDir: string;
  /** On the same file system, out of tenants' sight: files on their way in. */
  stagingDir: string;
}

/** One folder per volume: the file that its file system is in, and where that is mounted. */
export class VolumeFolders {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Removes what an earlier process left half made or half deleted. Only while nothing is made or deleted. */
  async sweep(): Promise<void> {
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
    const isPart = (name: string): boolean => Object.values(endings).some((ending) => name.endsWith(ending));
    for (const name of readdirSync(this.#root).filter(isPart)) {
      await rm(join(this.#root, name), { recursive: true });
    }
  }

  /** Ids of all volumes. */
  list(): string[] {
    return readdirSync(this.#root).filter(isVolumeId);
  }

  exists(volumeId: string): boolean {
    return existsSync(this.#image(volumeId));
  }

  isMounted(volumeId: string): boolean {
    return mountPointsUnder(this.#mountPoint(volumeId)).length > 0;
  }

  async create(volumeId: string, sizeMib: number): Promise<void> {
    const draft = `${this.#dir(volumeId)}${endings.unfinished}`;
    await rm(draft, { recursive: true, force: true });
    mkdirSync(draft, { recursive: true, mode: 0o700 });
    try {
      await makeDiskFile(join(draft, "disk.img"), sizeMib);
      renameSync(draft, this.#dir(volumeId));
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      throw error;
    }
  }

  /** Rejects with `not_found` when there is no such volume. */
  mount(volumeId: string): void {
    if (!this.exists(volumeId)) {
      throw new AppError({ code: "not_found", message: `volume ${volumeId} is not on this node` });
    }
    mountDiskFile(this.#image(volumeId), this.#mountPoint(volumeId));
    const { dataDir, stagingDir } = this.place(volumeId);
    mkdirSync(stagingDir, { recursive: true, mode: 0o700 });
    if (existsSync(dataDir)) return;
    mkdirSync(dataDir);
    // Sandboxes' programs do not run as root: everybody may write.
    chmodSync(dataDir, 0o777);
  }

  place(volumeId: string): VolumePlace {
    const mountPoint = this.#mountPoint(volumeId);
    return { dataDir: join(mountPoint, "data"), stagingDir: join(mountPoint, "staging") };
  }

  /** Removes what transfers left that ended with their process. Only while none is under way. */
  async clearStaging(volumeId: string): Promise<void> {
    const { stagingDir } = this.place(volumeId);
    await Promise.all(readdirSync(stagingDir).map((name) => rm(join(stagingDir, name), { force: true })));
  }

  unmount(volumeId: string): Promise<void> {
    return unmountDiskFile(this.#mountPoint(volumeId));
  }

  /** Takes the mount away even while something of the host still has files open there, which keeps only those. */
  detach(volumeId: string): void {
    unmount(this.#mountPoint(volumeId));
  }

  /** Unmounts without writing back, and removes everything. */
  async remove(volumeId: string): Promise<void> {
    if (this.isMounted(volumeId)) {
      abandonExt4(this.#mountPoint(volumeId));
      await this.unmount(volumeId);
    }
    const gone = `${this.#dir(volumeId)}${endings.deleted}`;
    renameSync(this.#dir(volumeId), gone);
    await rm(gone, { recursive: true });
  }

  #dir(volumeId: string): string {
    // Ids come from requests: nothing but an id may become a path.
    if (!isVolumeId(volumeId)) {
      throw new AppError({ code: "not_found", message: `volume ${volumeId} is not on this node` });
    }
    return join(this.#root, volumeId);
  }

  readonly #image = (volumeId: string): string => join(this.#dir(volumeId), "disk.img");
  readonly #mountPoint = (volumeId: string): string => join(this.#dir(volumeId), "mount");
}
