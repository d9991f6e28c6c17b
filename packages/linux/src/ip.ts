import { existsSync } from "node:fs";
import { run, runUnchecked } from "./command.ts";
import { runInNetns } from "./netns.ts";

/**
 * Runs `ip` in the host's namespace or in a named one. Not with its own `-n`: that copies all mounts of the host, of
 * which there are two or more per sandbox.
 */
const runIp = (
  args: string[],
  netns: string | undefined,
  options: { stdin?: string } = {},
): Promise<string> => (netns ? runInNetns(netns, "ip", args, options) : run("ip", args, options));

/** Runs `ip` commands in one process: lines without the leading `ip`, in the host's namespace or in a named one. */
export async function ipBatch(lines: string[], netns?: string): Promise<void> {
  await runIp(["-batch", "-"], netns, { stdin: `${lines.join("\n")}\n` });
}

/** The same, but goes on after a line that fails, and does not say which did: for removing what may be gone already. */
export async function ipBatchForced(lines: string[], netns?: string): Promise<void> {
  const args = [...(netns ? ["-n", netns] : []), "-force", "-batch", "-"];
  await runUnchecked("ip", args, { stdin: `${lines.join("\n")}\n` });
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
  const text = await runIp(["-json", "link", "show"], netns);
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

export interface LinkState {
  name: string;
  /** Set up by whoever administers it. */
  up: boolean;
  /** There is somebody at the other end. */
  carrier: boolean;
  mac: string;
  /** IPv4, as `address/length`. */
  addresses: string[];
}

export interface RouteState {
  /** `default`, an address or a network. */
  destination: string;
  device: string;
  gateway: string | undefined;
}

export interface NeighbourState {
  address: string;
  device: string;
  mac: string;
}

/** What one network namespace holds: devices, IPv4 routes of the main table, permanent neighbours. */
export interface NetworkState {
  links: LinkState[];
  routes: RouteState[];
  neighbours: NeighbourState[];
}

interface StateJson {
  ifname?: string;
  flags?: string[];
  address?: string;
  addr_info?: { family: string; local: string; prefixlen: number }[];
  dst?: string;
  dev?: string;
  gateway?: string;
  lladdr?: string;
}

/** Reads a namespace, by its file, or the host's, in one process. Rejects when the file is not a namespace. */
export async function readNetwork(netnsFile?: string): Promise<NetworkState> {
  const ip = ["ip", "-json", "-batch", "-"];
  const [file = "", ...args] = netnsFile === undefined ? ip : ["nsenter", `--net=${netnsFile}`, ...ip];
  const text = await run(file, args, { stdin: "addr show\nroute show\nneigh show nud permanent\n" });
  const items = text
    .split("\n")
    .filter((line) => line.startsWith("["))
    .flatMap((line) => JSON.parse(line) as StateJson[]);
  const state: NetworkState = { links: [], routes: [], neighbours: [] };
  for (const item of items) {
    const { ifname, dst, dev, lladdr, gateway } = item;
    if (ifname !== undefined) state.links.push(linkState(ifname, item));
    else if (dst === undefined || dev === undefined) continue;
    else if (lladdr === undefined) state.routes.push({ destination: dst, device: dev, gateway });
    else state.neighbours.push({ address: dst, device: dev, mac: lladdr });
  }
  return state;
}

function linkState(
  name: string,
  { flags = [], address = "", addr_info: addresses = [] }: StateJson,
): LinkState {
  return {
    name,
    up: flags.includes("UP"),
    carrier: flags.includes("LOWER_UP"),
    mac: address,
    addresses: addresses
      .filter(({ family }) => family === "inet")
      .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
  };
}
