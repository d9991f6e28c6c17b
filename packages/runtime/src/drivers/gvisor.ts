import { cgroupProcesses } from "@sandbank/linux/cgroup";
import { limitMemoryApart, offerToOomKiller } from "@sandbank/linux/oom";
import { identifyProcess, parentOf } from "@sandbank/linux/process";
import { run } from "@sandbank/linux/command";
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
  // Older releases do not know the version that can kill a whole group at once.
  "--in-sandbox-cgroup=v2",
];

/**
 * Each address space inside is a process of the host, a stub, and all stubs are copies of the sentry's first. They all
 * map the same memory as the sentry, so that without this the kernel would rather take the sentry, and so the sandbox.
 */
function offerLaterStubs(sentryPid: number, cgroup: string): void {
  const stubs = cgroupProcesses(cgroup)
    .filter((pid) => parentOf(pid) === sentryPid)
    .map(identifyProcess)
    .filter((stub) => stub !== undefined);
  const [source] = stubs.toSorted((a, b) => a.startTicks - b.startTicks || a.pid - b.pid);
  if (!source) return;
  offerToOomKiller(source.pid);
  // What a stub has taken is given back by the sentry, some time after the stub's end. Were the sentry short of memory
  // until then, the kernel would go on killing, with the source, without which nothing can be started, and the sentry.
  limitMemoryApart(cgroup, source.pid, sentryRoomBytes);
}
const runscTimeoutMs = 5_000;
/** A sentry, with its gofer and the guest daemon, takes 35 MiB. */
const sentryRoomBytes = 64 * 1024 * 1024;

/** gVisor: a kernel in user space between the sandbox and the host, without KVM. */
export function gvisorDriver(runscPath: string, options: OciDriverOptions): RuntimeDriver {
  return new OciDriver(
    {
      name: "gvisor",
      isolation: "gvisor",
      capabilities: { pause: false, memorySnapshot: false, liveFork: false, ownNetworkStack: true },
      runtimePath: () => runscPath,
      runtimeArgs: gvisorArgs,
      probe: (driver) => probeBoot(driver, { runtimePath: runscPath, ...options }),
      plan: async (spec) => ({
        idmap: undefined,
        directories: gvisorDirectories(spec),
        config: (rootfs) => gvisorConfig(spec, rootfs, cgroupPath(options.cgroupParent, spec.id)),
      }),
      spareWhatRuns: offerLaterStubs,
      release: () => undefined,
      // An empty network namespace that gofers run in.
      sharedMounts: ["null-netns"],
      wakeGuest: (id, runtimeArgs) => wakeGuest(runscPath, runtimeArgs, id),
    },
    options,
  );
}

/** Continues init's children, in the sandbox's own numbering: the daemon is the only one while it lives. */
async function wakeGuest(runscPath: string, runtimeArgs: string[], id: string): Promise<string[]> {
  const table = await run(runscPath, [...runtimeArgs, "ps", id], { timeoutMs: runscTimeoutMs });
  const [, pid, name] = /^\s*\d+\s+(\d+)\s+1\s.*\s(\S+)$/m.exec(table) ?? [];
  if (pid === undefined) return [];
  await run(runscPath, [...runtimeArgs, "kill", "-pid", pid, id, "CONT"], { timeoutMs: runscTimeoutMs });
  return [`sent SIGCONT to ${name} (pid ${pid} in the sandbox)`];
}
