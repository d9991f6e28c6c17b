import { readdir, readFile } from "node:fs/promises";
import { basename } from "node:path";
import { run } from "@sandbank/linux/command";

/** What a sandbox could leave behind on this machine, counted. */
export interface Traces {
  processes: number;
  zombies: number;
  namespaces: number;
  mounts: number;
  loopDevices: number;
  cgroups: number;
  nftLines: number;
  devices: number;
  /** Descriptors that the service has open. */
  serviceFds: number;
}

/** Names of programs that sandboxes bring along; other processes of the machine come and go by themselves. */
const programs = new Set([
  "conmon",
  "runc",
  "crun",
  "runsc",
  "runsc-sandbox",
  "runsc-gofer",
  "exe",
  "catatonit",
  "ld-linux-x86-64",
  "envd",
]);

export async function countTraces(servicePid: number): Promise<Traces> {
  const processes = await listProcesses();
  const [mounts, cgroups, nft, loop, namespaces, devices, fds] = await Promise.all([
    readFile("/proc/self/mountinfo", "utf8"),
    run("find", ["/sys/fs/cgroup", "-type", "d", "-path", "*sandbank*"]),
    run("nft", ["list", "ruleset"]),
    run("losetup", ["--list", "--noheadings"]),
    readdir("/run/netns"),
    readdir("/sys/class/net"),
    readdir(`/proc/${servicePid}/fd`),
  ]);
  return {
    processes: processes.filter(({ name }) => programs.has(name.slice(0, 15))).length,
    zombies: processes.filter(({ state }) => state === "Z").length,
    namespaces: namespaces.length,
    mounts: lines(mounts),
    loopDevices: lines(loop),
    cgroups: lines(cgroups),
    nftLines: lines(nft),
    devices: devices.length,
    serviceFds: fds.length,
  };
}

const lines = (text: string): number => text.split("\n").filter((line) => line !== "").length;

async function listProcesses(): Promise<{ name: string; state: string }[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(
    pids.map(async (pid) => {
      try {
        return await readFile(`/proc/${pid}/stat`, "utf8");
      } catch {
        // It ended between the two looks.
        return "";
      }
    }),
  );
  return stats
    .filter((stat) => stat !== "")
    .map((stat) => ({
      name: basename(stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"))),
      state: stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3),
    }));
}
