import type { SandboxSpec } from "@sandbank/runtime/contract";
import { containerConfig } from "../../packages/runtime/src/drivers/container-config.ts";

/** The same sandbox as ours without what a bare `runc spec` leaves out too: user namespace, system call filter. */
export function plainContainerConfig(spec: SandboxSpec, rootfs: string): unknown {
  const config = containerConfig(spec, rootfs, 0, `/sandbank-bench/${spec.id}`);
  const { seccomp: _seccomp, uidMappings: _uids, gidMappings: _gids, ...linux } = config.linux;
  return {
    ...config,
    mounts: config.mounts.map((mount) =>
      mount.destination === "/sys" ? { ...mount, type: "sysfs", source: "sysfs", options: ["ro"] } : mount,
    ),
    linux: { ...linux, namespaces: linux.namespaces.filter(({ type }) => type !== "user") },
  };
}
