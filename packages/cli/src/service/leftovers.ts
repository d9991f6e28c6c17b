import { readdir } from "node:fs/promises";
import { hostTable, slotIndexOf } from "@sandbank/orchestrator/addresses";
import { cgroupDirectories } from "@sandbank/linux/cgroup";
import { mountPointsUnder } from "@sandbank/linux/mount";
import { listLinks } from "@sandbank/linux/ip";
import { listNetns } from "@sandbank/linux/netns";
import { nftTableExists } from "@sandbank/linux/nft";
import type { Config } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { cgroupParent } from "./orchestrator-options.ts";

/** Every trace of this cloud in the kernel and of its sandboxes on disk, as `kind name`. */
export async function findLeftovers(config: Config): Promise<string[]> {
  const identity = { tag: config.tag, hostPrefix: config.hostPrefix };
  const isOurs = (name: string): boolean => slotIndexOf(identity, name) !== undefined;
  const namespaces = (await listNetns(`${config.tag}-`)).filter(isOurs);
  const devices = (await listLinks()).map((link) => link.ifname).filter(isOurs);
  const table = hostTable(identity);
  return [
    ...namespaces.map((name) => `namespace ${name}`),
    ...devices.map((name) => `device ${name}`),
    ...mountPointsUnder(config.stateDir).map((path) => `mount ${path}`),
    ...mountPointsUnder(config.runDir).map((path) => `mount ${path}`),
    ...(await sandboxDirs(pathsOf(config).sandboxesDir)).map((path) => `sandbox ${path}`),
    ...cgroupDirectories(cgroupParent(config)).map((path) => `control group ${path}`),
    ...((await nftTableExists("inet", table)) ? [`nft table ${table}`] : []),
  ];
}

async function sandboxDirs(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
