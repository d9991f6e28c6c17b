import type { SandboxConfig } from "@sandbank/protocol/gen/node_pb";
import { guestControlGroups } from "@sandbank/protocol/headers";
import type { GuestMount } from "@sandbank/runtime/contract";
import { guest } from "../network/addresses.ts";
import type { GuestDaemon } from "../options.ts";

/** Where a sandbox sees the guest daemon's folder. */
const daemonDir = "/.sandbank";

export interface GuestSetup {
  hostname: string;
  files: Record<string, string>;
  controlGroups: string;
  mounts: GuestMount[];
  args: string[];
  env: Record<string, string>;
}

/** What every sandbox gets beside its template: names, resolvers, E2B's marker files, the daemon. */
export function guestSetup(config: SandboxConfig, daemon: GuestDaemon, resolvers: string[]): GuestSetup {
  const hostname = config.sandboxId;
  return {
    hostname,
    files: {
      "/etc/hostname": `${hostname}\n`,
      "/etc/hosts": `127.0.0.1 localhost\n::1 localhost\n${guest.address} ${hostname}\n`,
      "/etc/resolv.conf": resolvers.map((address) => `nameserver ${address}\n`).join(""),
      "/run/e2b/.E2B_SANDBOX": "true",
      "/run/e2b/.E2B_SANDBOX_ID": config.sandboxId,
      "/run/e2b/.E2B_TEMPLATE_ID": config.templateId,
    },
    controlGroups: guestControlGroups,
    mounts: [{ source: daemon.dir, target: daemonDir, readonly: true }],
    args: daemon.initArgs(daemonDir),
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root" },
  };
}

/** The sandbox's global variables: the caller's, with E2B's own that nobody replaces. */
export const guestEnvVars = (config: SandboxConfig): Record<string, string> => ({
  ...config.envVars,
  E2B_SANDBOX: "true",
  E2B_SANDBOX_ID: config.sandboxId,
  E2B_TEMPLATE_ID: config.templateId,
});
