import { readdir } from "node:fs/promises";
import { run } from "./command.ts";
import { inNetworkNamespace } from "./namespace-entry.ts";

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

/**
 * Runs a program inside a named network namespace. It is forked by a thread that is in there for that moment: a program in
 * between (`nsenter`) would double what a short command costs.
 */
export async function runInNetns(
  name: string,
  file: string,
  args: string[],
  options: { stdin?: string } = {},
): Promise<string> {
  return inNetworkNamespace(netnsPath(name), () => run(file, args, options));
}
