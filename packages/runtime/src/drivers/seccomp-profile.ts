import type { OciSeccomp } from "../oci/config.ts";
import { allowedSystemCalls } from "./seccomp-allowlist.ts";

const permitted = "SCMP_ACT_ALLOW";
const refused = "SCMP_ACT_ERRNO";
const eperm = 1;
const enosys = 38;

/** All flags of clone(2) that make a namespace: mount, cgroup, uts, ipc, user, pid, network. */
const cloneNamespaceFlags = 0x7e02_0000;

const architectures: Record<string, string[]> = {
  x64: ["SCMP_ARCH_X86_64"],
  arm64: ["SCMP_ARCH_AARCH64"],
};

/** personality(2) values that only change how a program is shown the system: Linux, 32 bit, and "tell me". */
const harmlessPersonalities = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/**
 * The system call filter of containers: what is not on the list fails with EPERM. New namespaces are refused;
 * clone3, whose flags a filter can't read, is said to be missing, upon which the C library uses clone.
 */
export function seccompProfile(arch: string): OciSeccomp {
  return {
    defaultAction: refused,
    defaultErrnoRet: eperm,
    architectures: architectures[arch] ?? [],
    syscalls: [
      { names: allowedSystemCalls, action: permitted },
      ...harmlessPersonalities.map((value) => ({
        names: ["personality"],
        action: permitted,
        args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
      })),
      {
        names: ["clone"],
        action: permitted,
        args: [{ index: 0, value: cloneNamespaceFlags, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      { names: ["clone3"], action: refused, errnoRet: enosys },
      // Families by number: no vsock, which would reach past the network namespace.
      {
        names: ["socket"],
        action: permitted,
        args: [{ index: 0, value: 40, op: "SCMP_CMP_NE" }],
      },
    ],
  };
}
