import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { AppError } from "@sandbank/core/errors";
import { cgroupProcesses } from "@sandbank/linux/cgroup";
import { mountIdmapped } from "@sandbank/linux/idmap";
import { hasCode } from "@sandbank/linux/libc";
import { mount, mountFlags } from "@sandbank/linux/mount";
import { inNetworkNamespace } from "@sandbank/linux/namespace-entry";
import { favour } from "@sandbank/linux/priority";
import type { GuestMount, RuntimeDriver, SandboxSpec } from "../contract.ts";
import { cgroupPath } from "../oci/common-config.ts";
import { OciDriver, type OciDriverOptions } from "../oci/oci-driver.ts";
import { bundlePaths } from "../oci/paths.ts";
import { probeBoot } from "../oci/probe.ts";
import { writeRecord } from "../record.ts";
import { startByExecFifo } from "./exec-fifo.ts";
import { containerConfig } from "./container-config.ts";
import { UidRanges } from "./uid-ranges.ts";

const sysfsFlags = mountFlags.readonly | mountFlags.nosuid | mountFlags.nodev | mountFlags.noexec;

/** runc (or a program with the same command line): namespaces of the host's kernel, with a user namespace of its own. */
export function containerDriver(runtimePaths: string[], options: OciDriverOptions): RuntimeDriver {
  // Until a probe has said which one works.
  let current = runtimePaths[0] ?? "";
  const ranges = new UidRanges(`${options.stateDir}/uid-ranges`);
  return new OciDriver(
    {
      name: "container",
      isolation: "container",
      capabilities: { pause: false, memorySnapshot: false, liveFork: false, ownNetworkStack: false },
      runtimePath: () => current,
      runtimeArgs: [],
      probe: async (driver) => {
        const failures: string[] = [];
        for (const runtimePath of runtimePaths) {
          current = runtimePath;
          const result = await probeBoot(driver, { runtimePath, ...options });
          if (result.usable) return result;
          failures.push(result.evidence);
        }
        return { usable: false, evidence: failures.join("; ") };
      },
      plan: async (spec, record) => {
        const lease = ranges.take(spec.id, (index) => {
          record.idRange = index;
          writeRecord(spec.workDir, record);
        });
        admitMappedRoot(spec.workDir, lease.firstId);
        const userNamespaceFd = await ranges.namespaceOf(lease.index);
        ranges.prepare(lease.index + 1);
        return {
          idmap: { userNamespaceFd, firstId: lease.firstId },
          directories: {},
          config: (rootfs) => {
            const { netnsPath } = spec.network;
            if (netnsPath !== undefined) prepareNetworkViews(netnsPath, bundlePaths(spec.workDir).sysfs);
            const mounts = mapGuestMounts(spec, userNamespaceFd);
            const group = cgroupPath(options.cgroupParent, spec.id);
            return containerConfig({ ...spec, mounts }, rootfs, lease.firstId, group);
          },
        };
      },
      // Hundreds of processes that all want to run would keep the daemon waiting for seconds.
      spareWhatRuns: (_, cgroup) => cgroupProcesses(cgroup).forEach(favour),
      // crun has a pipe of the same name that works the other way round.
      quickStart: async (containerStateDir, timeoutMs) =>
        basename(current) === "runc" && startByExecFifo(`${containerStateDir}/exec.fifo`, timeoutMs),
      release: (record) => {
        if (record.idRange !== undefined) ranges.release(record.idRange, record.id);
      },
    },
    options,
  );
}

/**
 * The runtime walks to the root file system as the sandbox's root, who is nobody special on the host: its group, and no
 * one else, may pass through `workDir`. Throws AppError `failed_precondition` when a directory above lets nobody pass.
 */
function admitMappedRoot(workDir: string, firstId: number): void {
  chownSync(workDir, 0, firstId);
  chmodSync(workDir, 0o710);
  for (let above = dirname(workDir); above !== "/"; above = dirname(above)) {
    if ((statSync(above).mode & 0o001) === 0) {
      throw new AppError({
        code: "failed_precondition",
        reason: "sandbox_runtime_failed",
        message: "a directory above the sandbox's files can't be entered by other users",
        detail: `chmod o+x ${above}`,
      });
    }
  }
}

/**
 * What the sandbox's root can't do because its user namespace does not own the network namespace: see its devices in
 * /sys (and not the host's), serve ports below 1024, ping.
 */
function prepareNetworkViews(netnsPath: string, sysfs: string): void {
  mkdirSync(sysfs);
  inNetworkNamespace(netnsPath, () => {
    mount({ source: "sysfs", target: sysfs, type: "sysfs", flags: sysfsFlags });
    writeFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    writeFileSync("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
  });
}

/** Shows what is mounted from the host with the owners that it has on the host's disk, where the file system can. */
function mapGuestMounts(spec: SandboxSpec, userNamespaceFd: number): GuestMount[] {
  const { guestMounts } = bundlePaths(spec.workDir);
  return spec.mounts.map((guestMount, index) => {
    const target = `${guestMounts}/${index}`;
    mkdirSync(guestMounts, { recursive: true });
    if (statSync(guestMount.source).isDirectory()) mkdirSync(target);
    else writeFileSync(target, "");
    const { source, readonly } = guestMount;
    try {
      mountIdmapped({ source, target, userNamespaceFd, readonly });
      return { ...guestMount, source: target };
    } catch (error) {
      // A file system that can't map owners is shown as it is; what is written there would have wrong ones.
      if (readonly && hasCode(error, "EINVAL")) return guestMount;
      throw error;
    }
  });
}
