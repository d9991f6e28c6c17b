import type { RuntimeDriver } from "../contract.ts";
import { cgroupPath } from "../oci/common-config.ts";
import { OciDriver, type OciDriverOptions } from "../oci/oci-driver.ts";
import { probeBoot } from "../oci/probe.ts";
import { gvisorConfig, gvisorDirectories } from "./gvisor-config.ts";

/** Options of runsc, before its command. */
export const gvisorArgs = [
  "--platform=systrap",
  "--network=sandbox",
  // The writable layer is ours, with a size, and can be copied for a snapshot.
  "--overlay2=none",
  // Nothing that others may write is kept in the sandbox's own caches; only the root is its alone.
  "--file-access-mounts=shared",
  // Set-user-ID programs change who they are inside, as on any Linux; gVisor's kernel is the border.
  "--allow-suid",
  // Asks the host for settings it can't change, and costs time for that.
  "--host-settings=ignore",
];

/** gVisor: a kernel in user space between the sandbox and the host, without KVM. */
export function gvisorDriver(runscPath: string, options: OciDriverOptions): RuntimeDriver {
  return new OciDriver(
    {
      name: "gvisor",
      isolation: "gvisor",
      capabilities: { pause: false, memorySnapshot: false, liveFork: false },
      runtimePath: () => runscPath,
      runtimeArgs: gvisorArgs,
      probe: (driver) => probeBoot(driver, { runtimePath: runscPath, ...options }),
      plan: async (spec) => ({
        idmap: undefined,
        directories: gvisorDirectories,
        config: (rootfs) => gvisorConfig(spec, rootfs, cgroupPath(options.cgroupParent, spec.id)),
      }),
      release: () => undefined,
    },
    options,
  );
}
