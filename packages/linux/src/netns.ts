import { readdir } from "node:fs/promises";
import { run } from "./command.ts";

const netnsDir = "/run/netns";

export const netnsPath = (name: string): string => `${netnsDir}/${name}`;

/** Names of the network namespaces that `ip netns` knows and that begin with `prefix`. */
export async function listNetns(prefix: string): Promise<string[]> {
  try {
    return (await readdir(netnsDir)).filter((name) => name.startsWith(prefix));
  } catch (error) {
    // The folder comes with the first `ip netns add` after boot.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Gives the network namespace of a living process a name, as `ip netns add` would. */
export async function attachNetns(name: string, pid: number): Promise<void> {
  await run("ip", ["netns", "attach", name, String(pid)]);
}

/** Runs a program inside a named network namespace. */
export const runInNetns = (
  name: string,
  file: string,
  args: string[],
  options: { stdin?: string } = {},
): Promise<string> => run("nsenter", [`--net=${netnsPath(name)}`, file, ...args], options);
