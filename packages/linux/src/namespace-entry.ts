import { closeSync, openSync } from "node:fs";
import { checked, libc } from "./libc.ts";

const networkNamespaceFlag = 0x4000_0000;

/**
 * Runs `work`, which must be synchronous, with this thread inside the network namespace at `netnsPath`: what is mounted
 * or written below /proc/sys/net meanwhile is that namespace's. When the way back fails the process aborts.
 */
export function inNetworkNamespace<T>(netnsPath: string, work: () => T): T {
  const ownFd = openSync("/proc/thread-self/ns/net", "r");
  try {
    const targetFd = openSync(netnsPath, "r");
    try {
      checked("setns", netnsPath, libc.setns(targetFd, networkNamespaceFlag));
      try {
        return work();
      } finally {
        if (libc.setns(ownFd, networkNamespaceFlag) !== 0) process.abort();
      }
    } finally {
      closeSync(targetFd);
    }
  } finally {
    closeSync(ownFd);
  }
}
