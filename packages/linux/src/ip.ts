import { existsSync } from "node:fs";
import { run, runUnchecked } from "./command.ts";

/** Runs `ip` commands in one process: lines without the leading `ip`, in the host's namespace or in a named one. */
export async function ipBatch(lines: string[], netns?: string): Promise<void> {
  await run("ip", [...(netns ? ["-n", netns] : []), "-batch", "-"], { stdin: `${lines.join("\n")}\n` });
}

/** The same, but goes on after a line that fails, and does not say which did: for removing what may be gone already. */
export async function ipBatchForced(lines: string[]): Promise<void> {
  await runUnchecked("ip", ["-force", "-batch", "-"], { stdin: `${lines.join("\n")}\n` });
}

/** Whether the host's namespace has a device of this name. */
export const linkExists = (name: string): boolean => existsSync(`/sys/class/net/${name}`);

interface RouteJson {
  dev?: string;
}

interface LinkJson {
  ifname: string;
  mtu: number;
  operstate: string;
  flags: string[];
}

/** The device of the IPv4 default route; undefined on a machine without one. */
export async function defaultRouteDevice(): Promise<string | undefined> {
  const routes = JSON.parse(await run("ip", ["-json", "-4", "route", "show", "default"])) as RouteJson[];
  return routes[0]?.dev;
}

/** All links of the host's namespace, or of a named one. */
export async function listLinks(netns?: string): Promise<LinkJson[]> {
  const text = await run("ip", [...(netns ? ["-n", netns] : []), "-json", "link", "show"]);
  return JSON.parse(text || "[]") as LinkJson[];
}

interface AddressJson {
  ifname: string;
  addr_info: { local: string }[];
}

/** Whether a device of the host's namespace holds an address. */
export async function hasAddress(device: string, address: string): Promise<boolean> {
  const text = await run("ip", ["-json", "-4", "addr", "show", "dev", device]);
  const links = JSON.parse(text || "[]") as AddressJson[];
  return links.some((link) => link.addr_info?.some((info) => info.local === address));
}
