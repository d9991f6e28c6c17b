import { readdir, readFile, readlink } from "node:fs/promises";
import { expect, vi } from "vitest";
import { run } from "@sandbank/linux/command";
import type { TestCloud } from "@sandbank/cli/testkit";

/** What the sandboxes of one cloud could leave behind on this machine, counted. */
export interface Traces {
  /** Processes whose command line names the cloud's folder: monitors, runtimes, sentries, gofers. */
  processes: number;
  /** Below the service or one of those processes; what init has taken over, it reaps in its own time. */
  zombies: number;
  namespaces: number;
  devices: number;
  mounts: number;
  loopDevices: number;
  cgroups: number;
  nftLines: number;
  /** Descriptors of the service that are no sockets: files, pipes, namespaces, pidfds. */
  files: number;
  /** Clients' and sandboxes' connections stay open for a while on purpose; their number is bounded, not fixed. */
  sockets: number;
}

export async function countTraces(cloud: TestCloud, servicePid: number): Promise<Traces> {
  const tag = cloud.settings["SANDBANK_TAG"] ?? "";
  const processes = await listProcesses();
  const descriptors = await listDescriptors(servicePid);
  const sockets = descriptors.filter((target) => target.startsWith("socket:")).length;
  const [mounts, cgroups, nft, loop, namespaces, devices] = await Promise.all([
    readFile("/proc/self/mountinfo", "utf8"),
    run("find", ["/sys/fs/cgroup", "-type", "d", "-path", `*/sandbank-${tag}/*`]),
    run("nft", ["list", "table", "inet", `sandbank_${tag}`]),
    run("losetup", ["--list", "--noheadings", "--output", "BACK-FILE"]),
    readdir("/run/netns"),
    readdir("/sys/class/net"),
  ]);
  const naming = (text: string, word: string): number =>
    text.split("\n").filter((line) => line.includes(word)).length;
  return {
    processes: processes.filter(({ command }) => command.includes(cloud.dir)).length,
    zombies: countZombies(processes, cloud.dir, servicePid),
    namespaces: namespaces.filter((name) => name.startsWith(`${tag}-`)).length,
    devices: devices.filter((name) => name.startsWith(`${tag}h`)).length,
    mounts: naming(mounts, cloud.dir),
    loopDevices: naming(loop, cloud.dir),
    cgroups: naming(cgroups, "/"),
    nftLines: naming(nft, " "),
    files: descriptors.length - sockets,
    sockets,
  };
}

/** Equal readings in a row that tell that nothing is under way, and the pause between two (ms). */
const steadyReadings = 3;
const steadyPauseMs = 250;

/**
 * What `read` gives once it does not change any more: pools fill themselves again, and the host's init reaps orphans, in
 * their own time. `essence` is the part that counts. A reading that fails begins anew.
 */
export function steady<T>(
  read: () => Promise<T>,
  essence: (value: T) => unknown = (value) => value,
): Promise<T> {
  let earlier: unknown[] = [];
  return vi.waitFor(
    async () => {
      const before = earlier;
      earlier = [];
      const value = await read();
      const last = essence(value);
      earlier = [...before, last].slice(-steadyReadings);
      expect(earlier).toEqual(Array.from({ length: steadyReadings }, () => last));
      return value;
    },
    { timeout: 30_000, interval: steadyPauseMs },
  );
}

interface Process {
  pid: number;
  parentPid: number;
  command: string;
  state: string;
}

function countZombies(processes: Process[], dir: string, servicePid: number): number {
  const byPid = new Map(processes.map((each) => [each.pid, each]));
  const isOurs = ({ pid, parentPid, command }: Process): boolean => {
    if (pid === servicePid || command.includes(dir)) return true;
    const parent = byPid.get(parentPid);
    return parent !== undefined && isOurs(parent);
  };
  return processes.filter((each) => each.state === "Z" && isOurs(each)).length;
}

async function listProcesses(): Promise<Process[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const processes = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readIfThere(`/proc/${pid}/stat`);
      const command = await readIfThere(`/proc/${pid}/cmdline`);
      // After the name in brackets, which may hold anything.
      const [state = "", parentPid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return { pid: Number(pid), parentPid: Number(parentPid), command, state };
    }),
  );
  return processes;
}

async function listDescriptors(pid: number): Promise<string[]> {
  const names = await readdir(`/proc/${pid}/fd`);
  return Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(ended)));
}

const readIfThere = (file: string): Promise<string> => readFile(file, "utf8").catch(ended);

/** A process or descriptor that went between two looks is none. */
function ended(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ESRCH") return "";
  throw error;
}
