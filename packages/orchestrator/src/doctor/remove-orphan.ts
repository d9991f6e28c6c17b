import { poll } from "@sandbank/core/deadline";
import { removeCgroup } from "@sandbank/linux/cgroup";
import { detachLoop, listLoops } from "@sandbank/linux/loop";
import { unmount } from "@sandbank/linux/mount";
import { identifyProcess, readStat, signalProcess, waitForEnd } from "@sandbank/linux/process";
import { destroyParts } from "../network/slot.ts";
import type { Fix, Orphan } from "./report.ts";

const removeTimeoutMs = 10_000;
const reapTimeoutMs = 1_000;

/** In this order nothing that is removed is still held by what comes later. */
const order: Orphan["kind"][] = ["process", "cgroup", "mount", "loop", "veth", "tap", "netns", "zombie"];

export const inRemovalOrder = (orphans: Orphan[]): Orphan[] =>
  orphans.toSorted((left, right) => order.indexOf(left.kind) - order.indexOf(right.kind));

const removers: Record<Orphan["kind"], (name: string) => Promise<Omit<Fix, "target">>> = {
  async netns(name) {
    await destroyParts([], [name]);
    return { ok: true, did: [`removed the network namespace ${name}`] };
  },
  veth: removeDevice,
  tap: removeDevice,
  async mount(name) {
    const was = unmount(name);
    return { ok: true, did: [was ? `unmounted ${name}` : `nothing is mounted at ${name} any more`] };
  },
  async loop(name) {
    detachLoop(name);
    const isFree = !listLoops().some(({ path }) => path === name);
    return {
      ok: isFree,
      did: [isFree ? `detached ${name}` : `${name} is detached when its last user lets go`],
    };
  },
  async cgroup(name) {
    await removeCgroup(name, removeTimeoutMs);
    return { ok: true, did: [`ended what was in the control group ${name} and removed it`] };
  },
  process: (name) => killProcess(Number(name)),
  zombie: (name) => remindParent(Number(name)),
};

/** Removes one leaked resource. Rejects when the kernel refuses. */
export const removeOrphan = async ({ kind, name }: Orphan): Promise<Fix> => ({
  target: name,
  ...(await removers[kind](name)),
});

async function removeDevice(name: string): Promise<Omit<Fix, "target">> {
  await destroyParts([name], []);
  return { ok: true, did: [`removed the device ${name}`] };
}

async function killProcess(pid: number): Promise<Omit<Fix, "target">> {
  const target = identifyProcess(pid);
  if (!target || !signalProcess(target, "SIGKILL"))
    return { ok: true, did: [`pid ${pid} had ended already`] };
  const ended = await waitForEnd(target, removeTimeoutMs);
  return { ok: ended, did: [ended ? `killed pid ${pid}` : `pid ${pid} outlives SIGKILL`] };
}

/** Ending the parent would end what is not ours to end: a program in a sandbox, or the service. */
async function remindParent(pid: number): Promise<Omit<Fix, "target">> {
  const zombie = readStat(pid);
  if (zombie?.state !== "Z") return { ok: true, did: [`pid ${pid} has been reaped meanwhile`] };
  const parent = identifyProcess(zombie.parent);
  if (parent) signalProcess(parent, "SIGCHLD");
  const reaped = await poll(() => (readStat(pid)?.state === "Z" ? undefined : true), {
    timeoutMs: reapTimeoutMs,
  });
  const asked = `sent SIGCHLD to its parent, pid ${zombie.parent}`;
  if (reaped) return { ok: true, did: [`${asked}, which reaped it`] };
  return { ok: false, did: [`${asked}, which does not reap it: it stays until that process ends`] };
}
