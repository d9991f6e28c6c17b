import { closeSync, openSync, readFileSync, readdirSync } from "node:fs";
import { checked, hasCode, libc } from "./libc.ts";

const loopControlGetFree = 0x4c82n;
const loopConfigure = 0x4c0an;
const loopClearFd = 0x4c01n;
const autoclearFlag = 4;

/** Size and offsets of `struct loop_config` and of the `struct loop_info64` inside it (linux/loop.h). */
const layout = { size: 304, fd: 0, blockSize: 4, infoFlags: 8 + 52, infoFileName: 8 + 56, fileNameSize: 64 };

/** How often another process may win the race for a free device before this one gives up. */
const attachAttempts = 64;

export interface LoopDevice {
  /** `/dev/loopN` */
  path: string;
  /** Lets go of the device; the kernel detaches it when the last holder (this, or a mount) lets go. */
  close(): void;
}

/** Attaches the file `image` to a free loop device. Throws SystemCallError. */
export function attachLoop(image: string): LoopDevice {
  const imageFd = openSync(image, "r+");
  try {
    for (let attempt = 1; ; attempt++) {
      const path = `/dev/loop${freeLoopNumber()}`;
      const deviceFd = openSync(path, "r+");
      try {
        configure(deviceFd, imageFd, image);
      } catch (error) {
        closeSync(deviceFd);
        // Another process took the device between the question and the answer.
        if (hasCode(error, "EBUSY") && attempt < attachAttempts) continue;
        throw error;
      }
      return { path, close: () => closeSync(deviceFd) };
    }
  } finally {
    closeSync(imageFd);
  }
}

/**
 * The loop device that shows `image` already, or a new one: an image must never be behind two devices, whose contents
 * would not know of each other. Throws SystemCallError.
 */
export function shareLoop(image: string): LoopDevice {
  for (const name of readdirSync("/sys/block").filter((each) => each.startsWith("loop"))) {
    if (backingFileOf(name) !== image) continue;
    const deviceFd = openSync(`/dev/${name}`, "r+");
    // Held open it is not detached; it may have been just before.
    if (backingFileOf(name) === image) return { path: `/dev/${name}`, close: () => closeSync(deviceFd) };
    closeSync(deviceFd);
  }
  return attachLoop(image);
}

/** undefined when the device has none, or is just losing it. */
function backingFileOf(name: string): string | undefined {
  try {
    return readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8").trimEnd();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENXIO")) return undefined;
    throw error;
  }
}

function freeLoopNumber(): number {
  const controlFd = openSync("/dev/loop-control", "r+");
  try {
    const none = Buffer.alloc(0);
    return checked("ioctl LOOP_CTL_GET_FREE", "", libc.ioctl(controlFd, loopControlGetFree, none));
  } finally {
    closeSync(controlFd);
  }
}

function configure(deviceFd: number, imageFd: number, image: string): void {
  const config = Buffer.alloc(layout.size);
  config.writeInt32LE(imageFd, layout.fd);
  config.writeInt32LE(4096, layout.blockSize);
  config.writeInt32LE(autoclearFlag, layout.infoFlags);
  // Shown by losetup; the last byte stays NUL.
  config.write(image, layout.infoFileName, layout.fileNameSize - 1);
  checked("ioctl LOOP_CONFIGURE", image, libc.ioctl(deviceFd, loopConfigure, config));
}

/** Loop devices in use, with the file behind each. */
export function listLoops(): { path: string; file: string }[] {
  const names = readdirSync("/sys/block").filter((name) => name.startsWith("loop"));
  return names.flatMap((name) => {
    const file = readOptional(`/sys/block/${name}/loop/backing_file`);
    return file === undefined ? [] : [{ path: `/dev/${name}`, file: file.trimEnd() }];
  });
}

/** Has the kernel let go of the file behind a loop device, at once or when its last user does. Throws SystemCallError. */
export function detachLoop(path: string): void {
  const deviceFd = openSync(path, "r");
  try {
    checked("ioctl LOOP_CLR_FD", path, libc.ioctl(deviceFd, loopClearFd, Buffer.alloc(0)));
  } finally {
    closeSync(deviceFd);
  }
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENXIO")) return undefined;
    throw error;
  }
}
