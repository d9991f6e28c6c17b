import { closeSync, openSync } from "node:fs";
import { checked, libc } from "./libc.ts";

const networkNamespaceFlag = 0x4000_0000;

/**
 * Runs `work` with this thread inside the network namespace at `netnsPath`: what is mounted, written below /proc/sys/net or
 * started as a program meanwhile is that namespace's. Of asynchronous work only the part before its first wait is. When the
 * way back fails the process aborts.
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
