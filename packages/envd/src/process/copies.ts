import { closeSync, openSync, readSync } from "node:fs";
import { deepGenerations } from "./census.ts";

/** Processes whose children are asked for: a command, the bomb's first, and some generations, with some beside the way. */
const maxSteps = 12;
/** Copies that lost their parents are looked at one by one. */
const enoughCopies = 4;
const maxTries = 10;
const maxOthers = 1;
const manyParents = 3;
const init = 1;

/**
 * Whether the processes of a command are copies of copies of one another, which run no programs of their own. By as few
 * system calls as possible: a bomb makes each one slow. Gives undefined when they may be, but not enough of them yet.
 */
export function copyThemselves(pids: number[], leader: number): boolean | undefined {
  const proc = new ProcFiles();
  try {
    return hasDeepCopies(proc, leader) || hasOrphanedCopies(proc, [...pids]);
  } finally {
    proc.close();
  }
}

/** Follows the oldest child, its oldest child and so on: in a bomb that is where most generations are. */
function hasDeepCopies(proc: ProcFiles, leader: number): boolean {
  const ways: number[][] = [[leader]];
  for (let steps = 0; steps < maxSteps; steps++) {
    const way = ways.pop();
    const last = way?.at(-1);
    if (!way || last === undefined) return false;
    const original = way.at(-1 - deepGenerations);
    // What is deep may also be scripts that start scripts.
    if (original !== undefined && proc.haveOneCommand(original, last)) return true;
    for (const child of proc.childrenOf(last).toReversed()) ways.push([...way, child]);
  }
  return false;
}

/**
 * A shell's copies end early. What theirs were copies of nobody knows any more, but that others like them are copies of
 * their parents: it takes some of both, picked at random.
 */
function hasOrphanedCopies(proc: ProcFiles, pids: number[]): boolean | undefined {
  const commands = new Set<string>();
  const parents = new Set<number>();
  let copies = 0;
  let orphans = 0;
  let others = 0;
  for (let tries = 0; tries < maxTries && copies + orphans < enoughCopies; tries++) {
    const [pid = 0] = pids.splice(Math.floor(Math.random() * pids.length), 1);
    const command = proc.commandLineOf(pid);
    const parent = command === "" ? undefined : proc.parentOf(pid);
    const original = parent === undefined || parent === init ? command : proc.commandLineOf(parent);
    // It or its parent has ended meanwhile.
    if (parent === undefined || original === "") continue;
    if (parent === init) orphans++;
    else if (command === original) copies++;
    else if (++others > maxOthers) return false;
    else continue;
    commands.add(command);
    parents.add(parent === init ? pid : parent);
  }
  // Brothers may have been picked by chance; one parent's workers are brothers always.
  if (commands.size > 1 || parents.size < 2) return false;
  return parents.size >= manyParents && copies > 0 && orphans > 0 ? true : undefined;
}

const buffer = Buffer.alloc(4096);

/** Reads files of processes and closes them only at the end, when there is time. */
class ProcFiles {
  readonly #fds: number[] = [];
  readonly #commandLines = new Map<number, string>();

  /** Oldest first; none where the kernel does not tell. */
  childrenOf(pid: number): number[] {
    return this.#read(`${pid}/task/${pid}/children`).split(" ").map(Number).filter(Boolean);
  }

  /** Undefined when the process has ended. */
  parentOf(pid: number): number | undefined {
    const stat = this.#read(`${pid}/stat`);
    // The name may hold anything; state and parent follow it.
    return stat === "" ? undefined : Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ", 2)[1]);
  }

  /** Empty when the process has ended. */
  commandLineOf(pid: number): string {
    const known = this.#commandLines.get(pid) ?? this.#read(`${pid}/cmdline`);
    this.#commandLines.set(pid, known);
    return known;
  }

  haveOneCommand(a: number, b: number): boolean {
    return this.commandLineOf(a) !== "" && this.commandLineOf(a) === this.commandLineOf(b);
  }

  close(): void {
    for (const fd of this.#fds) closeSync(fd);
  }

  #read(file: string): string {
    try {
      const fd = openSync(`/proc/${file}`, "r");
      this.#fds.push(fd);
      return buffer.toString("latin1", 0, readSync(fd, buffer));
    } catch {
      return "";
    }
  }
}
