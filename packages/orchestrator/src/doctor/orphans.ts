import { existsSync } from "node:fs";
import { basename } from "node:path";
import { isSandboxId } from "@sandbank/core/ids";
import { cgroupChildren, cgroupProcesses } from "@sandbank/linux/cgroup";
import type { NetworkState } from "@sandbank/linux/ip";
import { listLoops } from "@sandbank/linux/loop";
import { mountPointsUnder } from "@sandbank/linux/mount";
import { listNetns } from "@sandbank/linux/netns";
import { commandLine, listProcesses, type ProcessStat, stateText } from "@sandbank/linux/process";
import type { RuntimeDriver } from "@sandbank/runtime/contract";
import { type NetworkIdentity, slotIndexOf } from "../network/addresses.ts";
import type { Orphan, OrphanKind } from "./report.ts";

export interface OrphanScope {
  identity: NetworkIdentity;
  /** One folder per sandbox. */
  sandboxesDir: string;
  /** The drivers' state; its own mounts and files are not sandboxes'. */
  runtimeDir: string;
  /** Control group of all sandboxes. */
  cgroupParent: string;
  drivers: Pick<RuntimeDriver, "sharedMounts">[];
}

/** What belongs to somebody. */
export interface Owned {
  sandboxIds: ReadonlySet<string>;
  /** Undefined: nobody can say which slots are in the pool, so none is taken for a leak. */
  slots: ReadonlySet<number> | undefined;
  /** First processes of the sandboxes, and the service. */
  pids: ReadonlySet<number>;
}

const fixRemedy = (name: string): string => `sandbank doctor ${name} --fix removes it`;

const orphan = (kind: OrphanKind, name: string, evidence: string, remedy = fixRemedy(name)): Orphan => ({
  kind,
  name,
  evidence,
  remedy,
});

/** Everything in the kernel that carries this cloud's name and that no sandbox and no ready slot of it owns. */
export async function findOrphans(scope: OrphanScope, owned: Owned, host: NetworkState): Promise<Orphan[]> {
  const processes = listProcesses();
  return [
    ...(await networkOrphans(scope, owned, host)),
    ...mountOrphans(scope, owned),
    ...loopOrphans(scope, owned),
    ...cgroupOrphans(scope, owned),
    ...processOrphans(scope, owned, processes),
    ...zombies(scope, owned, processes),
  ];
}

async function networkOrphans(scope: OrphanScope, owned: Owned, host: NetworkState): Promise<Orphan[]> {
  const { slots } = owned;
  if (slots === undefined) return [];
  const leaked = (name: string): boolean => {
    const index = slotIndexOf(scope.identity, name);
    return index !== undefined && !slots.has(index);
  };
  const why = "no sandbox of the journal and no ready slot has its number";
  const namespaces = (await listNetns(`${scope.identity.tag}-`)).filter(leaked);
  const devices = host.links.map(({ name }) => name).filter(leaked);
  return [
    ...namespaces.map((name) => orphan("netns", name, `/run/netns/${name} exists; ${why}`)),
    ...devices.map((name) => {
      const kind = existsSync(`/sys/class/net/${name}/tun_flags`) ? "tap" : "veth";
      return orphan(kind, name, `/sys/class/net/${name} exists; ${why}`);
    }),
  ];
}

/** The sandbox that a path lies in; undefined for one in no sandbox's folder. */
function ownerOf(path: string, sandboxesDir: string): string | undefined {
  if (!path.startsWith(`${sandboxesDir}/`)) return undefined;
  return path.slice(sandboxesDir.length + 1).split("/")[0];
}

function mountOrphans({ sandboxesDir, runtimeDir, drivers }: OrphanScope, { sandboxIds }: Owned): Orphan[] {
  const shared = new Set(drivers.flatMap(({ sharedMounts }) => sharedMounts));
  const points = [...mountPointsUnder(sandboxesDir), ...mountPointsUnder(runtimeDir)].filter(
    (path) => !shared.has(path),
  );
  return points
    .filter((path) => !sandboxIds.has(ownerOf(path, sandboxesDir) ?? ""))
    .map((path) =>
      orphan("mount", path, `/proc/self/mountinfo lists ${path}, which no sandbox of the journal has`),
    );
}

function loopOrphans({ sandboxesDir }: OrphanScope, { sandboxIds }: Owned): Orphan[] {
  return listLoops()
    .filter(({ file }) => {
      const owner = ownerOf(file, sandboxesDir);
      return owner !== undefined && !sandboxIds.has(owner);
    })
    .map(({ path, file }) =>
      orphan("loop", path, `${path} is attached to ${file}, of no sandbox in the journal`),
    );
}

function cgroupOrphans({ cgroupParent }: OrphanScope, { sandboxIds }: Owned): Orphan[] {
  return cgroupChildren(cgroupParent)
    .filter((name) => !sandboxIds.has(name))
    .map((name) => {
      const path = `${cgroupParent}/${name}`;
      const pids = cgroupProcesses(path);
      const holds = pids.length === 0 ? "no process" : `pids ${pids.slice(0, 10).join(" ")}`;
      return orphan(
        "cgroup",
        path,
        `the control group ${path} exists with ${holds}; no sandbox in the journal has that name`,
      );
    });
}

const runtimePrograms = /^(conmon|runc|crun|runsc)/;

/** Monitors and runtimes that work for a sandbox which is not there. */
function processOrphans(
  { sandboxesDir, runtimeDir }: OrphanScope,
  { sandboxIds, pids }: Owned,
  processes: ProcessStat[],
): Orphan[] {
  return processes.flatMap(({ pid, name, state }) => {
    if (pids.has(pid) || state === "Z") return [];
    const words = commandLine(pid).split("\0");
    if (!runtimePrograms.test(basename(words[0] ?? "")) && !runtimePrograms.test(name)) return [];
    const text = words.join(" ");
    if (!text.includes(`${sandboxesDir}/`) && !text.includes(`${runtimeDir}/`)) return [];
    const ids = text.split(/[^a-z0-9]+/).filter(isSandboxId);
    if (ids.length === 0 || ids.some((id) => sandboxIds.has(id))) return [];
    const evidence = `${name} (pid ${pid}) ${stateText(state)} works for sandbox ${ids[0]}, which is not in the journal`;
    return [orphan("process", String(pid), evidence)];
  });
}

/** Ended processes that nobody reaps, below this cloud's own. */
function zombies(scope: OrphanScope, { pids }: Owned, processes: ProcessStat[]): Orphan[] {
  const byPid = new Map(processes.map((process) => [process.pid, process]));
  const isOurs = (pid: number): boolean => {
    const line = commandLine(pid);
    return pids.has(pid) || [scope.sandboxesDir, scope.runtimeDir].some((dir) => line.includes(`${dir}/`));
  };
  const belongs = (process: ProcessStat): boolean => {
    for (let at: ProcessStat | undefined = process, depth = 0; at && depth < 64; depth++) {
      if (isOurs(at.pid)) return true;
      at = byPid.get(at.parent);
    }
    return false;
  };
  // A parent that is stopped reaps when it is continued: what stopped it is the trouble, and is told by its sandbox.
  const isLeft = ({ state, parent }: ProcessStat): boolean =>
    state === "Z" && byPid.get(parent)?.state !== "T";
  return processes
    .filter((process) => isLeft(process) && !pids.has(process.pid) && belongs(process))
    .map(({ pid, name, parent }) => {
      const parentName = byPid.get(parent)?.name ?? "unknown";
      return orphan(
        "zombie",
        String(pid),
        `${name} (pid ${pid}) has ended and its parent ${parentName} (pid ${parent}) does not reap it`,
        `it goes when its parent reaps it or ends: sandbank doctor ${pid} --fix reminds the parent, kill ${parent} ends it`,
      );
    });
}
