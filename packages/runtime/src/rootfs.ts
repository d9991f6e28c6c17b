import { chmodSync, lstatSync, mkdirSync, rmSync, rmdirSync } from "node:fs";
import { AppError } from "@sandbank/core/errors";
import { abandonExt4 } from "@sandbank/linux/ext4";
import { asFileOwner } from "@sandbank/linux/file-owner";
import { mountIdmapped } from "@sandbank/linux/idmap";
import { attachLoop } from "@sandbank/linux/loop";
import { escapeOverlayPath, mount, mountFlags, mountPointsUnder, unmount } from "@sandbank/linux/mount";
import { makeDirectoryInRoot, writeFileInRoot } from "@sandbank/linux/root-files";
import { copySparse } from "@sandbank/linux/sparse-copy";

export interface RootfsRequest {
  workDir: string;
  /** Read-only layer directories, lowest first. */
  layers: string[];
  /** A formatted image to copy for the writable layer. */
  emptyImage: string;
  /** Text of files by absolute path inside. */
  files: Record<string, string>;
  /** Modes of directories to make unless they are there. */
  directories: Record<string, number>;
  /** Shows owners through this namespace, whose root is the host's id `firstId`; on disk they stay as they are. */
  idmap: { userNamespaceFd: number; firstId: number } | undefined;
}

/** Where things are below a sandbox's `workDir`. */
export const rootfsPaths = (workDir: string) => ({
  image: `${workDir}/disk.img`,
  disk: `${workDir}/disk`,
  rootfs: `${workDir}/rootfs`,
  views: `${workDir}/views`,
});

const safeFlags = mountFlags.nosuid | mountFlags.nodev;

/** The kernel takes one page of mount options. */
const maxOptionBytes = 4095;

/**
 * Puts the root together at `workDir/rootfs`: overlay of the layers and a size-limited ext4 image of the sandbox's own.
 * Throws AppError `sandbox_disk_failed` with everything taken back. About 3 ms.
 */
export function assembleRootfs(request: RootfsRequest): void {
  try {
    assemble(request);
  } catch (error) {
    removeRootfs(request.workDir);
    throw new AppError({
      code: "internal",
      reason: "sandbox_disk_failed",
      message: "the sandbox's file system could not be put together",
      cause: error,
    });
  }
}

function assemble(request: RootfsRequest): void {
  const paths = rootfsPaths(request.workDir);
  copySparse(request.emptyImage, paths.image);
  for (const directory of [paths.disk, paths.rootfs]) mkdirSync(directory);
  const loop = attachLoop(paths.image);
  try {
    // Without noinit_itable a kernel thread would fill the sparse image with zeros; a barrier would wait for the
    // host's disk to keep safe what ends with the sandbox anyway.
    const data = "noinit_itable,nobarrier";
    mount({ source: loop.path, target: paths.disk, type: "ext4", flags: safeFlags, data });
  } finally {
    loop.close();
  }
  for (const name of ["upper", "work"]) mkdirSync(`${paths.disk}/${name}`);
  chmodSync(paths.disk, 0o700);
  // The mode of the sandbox's "/", whatever this process' umask is.
  chmodSync(`${paths.disk}/upper`, 0o755);
  const { idmap } = request;
  if (idmap) assembleMapped(request, idmap);
  else assemblePlain(request);
}

function assemblePlain(request: RootfsRequest): void {
  const { disk, rootfs } = rootfsPaths(request.workDir);
  mountOverlay(rootfs, request.layers, disk);
  writeFiles(request);
}

/** The layers and the writable disk are seen through idmapped mounts, which overlay keeps when ours go away. */
function assembleMapped(request: RootfsRequest, idmap: NonNullable<RootfsRequest["idmap"]>): void {
  const { disk, rootfs, views } = rootfsPaths(request.workDir);
  const { userNamespaceFd, firstId } = idmap;
  const layerViews = request.layers.map((_, index) => `${views}/${index}`);
  const diskView = `${views}/disk`;
  for (const view of [...layerViews, diskView]) mkdirSync(view, { recursive: true });
  for (const [index, source] of request.layers.entries()) {
    mountIdmapped({ source, target: `${views}/${index}`, userNamespaceFd, readonly: true });
  }
  mountIdmapped({ source: disk, target: diskView, userNamespaceFd });
  // The host's root has no id in the mapped view, so overlay's own directories must be made by the sandbox's root.
  asFileOwner(firstId, () => {
    mountOverlay(rootfs, layerViews, diskView);
    writeFiles(request);
  });
  for (const view of [...layerViews, diskView]) unmount(view);
  rmSync(views, { recursive: true });
}

function mountOverlay(target: string, layers: string[], disk: string): void {
  const lower = layers.toReversed().map(escapeOverlayPath).join(":");
  const writable = escapeOverlayPath(disk);
  const data = `lowerdir=${lower},upperdir=${writable}/upper,workdir=${writable}/work`;
  if (Buffer.byteLength(data) > maxOptionBytes) {
    throw new Error(`${layers.length} layers have too long paths for one overlay: ${data.slice(0, 200)}...`);
  }
  mount({ source: "overlay", target, type: "overlay", flags: safeFlags, data });
}

function writeFiles(request: RootfsRequest): void {
  const { rootfs } = rootfsPaths(request.workDir);
  for (const [path, mode] of Object.entries(request.directories)) makeDirectoryInRoot(rootfs, path, mode);
  for (const [path, text] of Object.entries(request.files)) writeFileInRoot(rootfs, path, text);
}

/** Takes down whatever of `assembleRootfs` is there: mounts, loop device, image. Idempotent. */
export function removeRootfs(workDir: string): void {
  const paths = rootfsPaths(workDir);
  const mounted = mountPointsUnder(workDir);
  if (mounted.includes(paths.disk)) abandonExt4(paths.disk);
  for (const point of mounted) unmount(point);
  // Should a mount still be there, removing must not walk into it: these are empty directories or nothing.
  for (const directory of [paths.rootfs, paths.disk]) removeEmptyDirectory(directory);
  rmSync(paths.views, { recursive: true, force: true });
  rmSync(paths.image, { force: true });
}

function removeEmptyDirectory(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })) rmdirSync(path);
}
