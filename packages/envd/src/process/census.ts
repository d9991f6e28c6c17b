import { closeSync, openSync, readSync, readdirSync } from "node:fs";

/** A few processes tell whose they all are: under a bomb each system call takes the daemon dozens of milliseconds. */
const sampleSize = 8;
const majority = 0.75;
/** Workers have their one parent; where no process has more than this part of them, children fork themselves. */
const workersShare = 0.4;

/** In the kernel's order: the newest last. */
export const processIds = (): number[] => readdirSync("/proc").map(Number).filter(Number.isInteger);

export interface Culprit {
  /** The process group that has most of the processes. */
  group: number;
  /** Its processes seem to fork one another, instead of being one parent's workers. */
  forksItself: boolean;
}

/** Whose most of the processes are; undefined when they are several commands', or the daemon's own. */
export function culpritOf(pids: number[]): Culprit | undefined {
  const sample: Identity[] = [];
  for (let tries = 0; sample.length < sampleSize && tries < 4 * sampleSize; tries++) {
    const identity = identityOf(pids[Math.floor(Math.random() * pids.length)] ?? 0);
    if (identity) sample.push(identity);
  }
  const [group, members] = mostFrequent(sample.map((identity) => identity.group));
  if (members < sampleSize * majority || group === ownGroup()) return undefined;
  return { group, forksItself: hasManyParents(sample) };
}

/** So few are asked first when processes become many: each question gives a bomb time. One may be another's. */
const firstSampleSize = 4;
const alikeAmongFirst = 3;
const init = 1;

/**
 * The group of a few processes if they have one name; undefined when they are different. Their command lines are not
 * asked for: reading one waits for a fork of that process, which waits for its turn among hundreds.
 */
export function suspectOf(pids: number[]): number | undefined {
  const programs = pids.filter((pid) => pid !== init && pid !== process.pid);
  const kinds = new Map<string, number>();
  let found = 0;
  for (let tries = 0; found < firstSampleSize && tries < 2 * firstSampleSize; tries++) {
    const identity = identityOf(programs[Math.floor(Math.random() * programs.length)] ?? 0);
    if (!identity) continue;
    const kind = `${identity.group} ${identity.name}`;
    const alike = (kinds.get(kind) ?? 0) + 1;
    if (alike === alikeAmongFirst) return identity.group === ownGroup() ? undefined : identity.group;
    kinds.set(kind, alike);
    found++;
    if (kinds.size > 2) return undefined;
  }
  return undefined;
}

/**
 * Generations of copies that only bombs have. Pools of pools, and shells with pipelines of functions in them, go as deep
 * as two, and what is about to exec is one more.
 */
export const deepGenerations = 4;
/** A shell's bomb may be less deep at any moment, because parents end early. */
const manyOrphans = 3;

/**
 * How many of a group's processes are copies of their parents that run no program of their own, when they are not one
 * parent's workers, nor these workers' own. The group should stand still meanwhile. Builds start programs and servers have one parent.
 */
export function copiesIn(group: number, pids: number[]): number {
  const members = new Map<number, Member>();
  for (const pid of pids) {
    const identity = identityOf(pid);
    if (identity?.group === group) members.set(pid, { ...identity, command: commandLineOf(pid) });
  }
  const leader = members.get(group)?.command;
  const copies = [...members.values()].filter(({ parent, command }) => {
    // One whose parent has ended belongs to init; it is compared with who began the group.
    const original = parent === init ? leader : members.get(parent)?.command;
    return command !== "" && command === original;
  });
  const orphans = copies.filter(({ parent }) => parent === init).length;
  const isDeep =
    orphans >= manyOrphans || copies.some((copy) => generationsOf(copy, members) >= deepGenerations);
  return isDeep && hasManyParents(copies) ? copies.length : 0;
}

/** How many of its ancestors it is a copy of. */
function generationsOf({ parent, command }: Member, members: Map<number, Member>): number {
  const original = members.get(parent);
  return original?.command === command ? 1 + generationsOf(original, members) : 0;
}

/** Those whose parent has ended belong to init, which is nobody's parent in this sense. */
function hasManyParents(processes: Identity[]): boolean {
  const parents = processes.map(({ parent }) => parent).filter((parent) => parent !== 1);
  const [, workers] = mostFrequent(parents);
  return workers <= processes.length * workersShare;
}

function mostFrequent(values: number[]): [value: number, count: number] {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((most, each) => (each[1] > most[1] ? each : most), [0, 0]);
}

let own: number | undefined;
const ownGroup = (): number | undefined => (own ??= identityOf(process.pid)?.group);

interface Identity {
  name: string;
  parent: number;
  group: number;
}

interface Member extends Identity {
  command: string;
}

/** Undefined when the process has ended in the meantime. */
function identityOf(pid: number): Identity | undefined {
  const stat = readProc(pid, "stat");
  if (stat === "") return undefined;
  // The name may hold anything; state, parent and group follow it.
  const end = stat.lastIndexOf(")");
  const [, parent, group] = stat.slice(end + 2).split(" ", 3);
  return { name: stat.slice(stat.indexOf("(") + 1, end), parent: Number(parent), group: Number(group) };
}

const commandLineOf = (pid: number): string => readProc(pid, "cmdline");

const buffer = Buffer.alloc(4096);

/** The beginning of a file, by as few system calls as there can be; empty when the process has ended. */
function readProc(pid: number, file: string): string {
  try {
    const fd = openSync(`/proc/${pid}/${file}`, "r");
    try {
      return buffer.toString("latin1", 0, readSync(fd, buffer));
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
}
