import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmdirSync,
  statfsSync,
  writeSync,
} from "node:fs";

const cgroup2Magic = 0x63677270;
/** Kept ready for the next commands; a group costs three system calls to make, and each descriptor one. */
const maxSpare = 16;

/** Everything that one command has started, wherever it has gone since, as the kernel counts it. */
export class ControlGroup {
  readonly #dir: string;
  // All open from the start: when they are needed, each system call may take a tenth of a second.
  readonly #fds: { members: number; count: number; refusals: number; kill: number };

  constructor(dir: string, maxProcesses: number) {
    this.#dir = dir;
    mkdirSync(dir);
    const open = (name: string, flags: string) => openSync(`${dir}/${name}`, flags);
    this.#fds = {
      members: open("cgroup.procs", "r+"),
      count: open("pids.current", "r"),
      refusals: open("pids.events.local", "r"),
      kill: open("cgroup.kill", "w"),
    };
    write(`${dir}/pids.max`, String(maxProcesses));
  }

  /** Takes a process in; what it starts from now on belongs to the group, too. Nothing happens when it has ended. */
  add(pid: number): void {
    try {
      writeSync(this.#fds.members, String(pid), 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  /** Processes and threads in it. */
  count(): number {
    return Number.parseInt(readAt0(this.#fds.count), 10);
  }

  /** How often one more process has been refused because the group had as many as it may have. */
  refusals(): number {
    return Number.parseInt(readAt0(this.#fds.refusals).slice("max ".length), 10);
  }

  /** Process ids, lowest first. */
  members(): number[] {
    return readAt0(this.#fds.members).split("\n").filter(Boolean).map(Number);
  }

  /** Kills all of them by one system call, also those that are being made. */
  kill(): void {
    writeSync(this.#fds.kill, "1", 0);
  }

  /** For an empty group. */
  remove(): void {
    for (const fd of Object.values(this.#fds)) closeSync(fd);
    rmdirSync(this.#dir);
  }
}

/** The control groups of the sandbox's own kernel, one for each command. */
export class ControlGroups {
  readonly #dir: string;
  readonly #maxEach: number;
  readonly #total: number;
  readonly #spare: ControlGroup[] = [];
  #made = 0;

  private constructor(dir: string, maxEach: number) {
    this.#dir = dir;
    this.#maxEach = maxEach;
    this.#total = openSync(`${dir}/pids.current`, "r");
  }

  /** Undefined when the kernel shows none at `root`. `maxEach`: processes that one command may have. */
  static open(root: string, maxEach: number): ControlGroups | undefined {
    try {
      if (statfsSync(root).type !== cgroup2Magic) return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    // What else the kernel would count, each fork and exit would have to pay for.
    const others = readFileSync(`${root}/cgroup.subtree_control`, "utf8").match(/\w+/g) ?? [];
    const controllers = others.filter((name) => name !== "pids").map((name) => `-${name}`);
    write(`${root}/cgroup.subtree_control`, [...controllers, "+pids"].join(" "));
    const dir = `${root}/commands`;
    mkdirSync(dir, { recursive: true });
    write(`${dir}/cgroup.subtree_control`, "+pids");
    return new ControlGroups(dir, maxEach);
  }

  /** Processes and threads of all commands. */
  count(): number {
    return Number.parseInt(readAt0(this.#total), 10);
  }

  /** An empty group. */
  take(): ControlGroup {
    return this.#spare.pop() ?? new ControlGroup(`${this.#dir}/${++this.#made}`, this.#maxEach);
  }

  /** Gives an empty one back. */
  give(group: ControlGroup): void {
    if (this.#spare.length < maxSpare) this.#spare.push(group);
    else group.remove();
  }
}

const buffer = Buffer.alloc(16_384);

/** These files are made anew by each read of their beginning. */
function readAt0(fd: number): string {
  return buffer.toString("latin1", 0, readSync(fd, buffer, 0, buffer.length, 0));
}

function write(path: string, text: string): void {
  const fd = openSync(path, "w");
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}
