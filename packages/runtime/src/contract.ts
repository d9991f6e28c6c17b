/**
 * The driver contract: what the orchestrator asks of an isolation runtime.
 * Every driver passes the suite in `contract-suite.ts`; callers learn differences only from `capabilities`.
 */

export type Isolation = "microvm" | "gvisor" | "container";

export interface DriverCapabilities {
  /** Pause and resume in place. */
  pause: boolean;
  /** Checkpoint and restore with memory. */
  memorySnapshot: boolean;
  /** A checkpoint that leaves the source running. */
  liveFork: boolean;
  /**
   * The sandbox takes its device over into a network stack of its own: the host's kernel does not see the guest's
   * addresses, and a device that was down or made again is lost to it.
   */
  ownNetworkStack: boolean;
}

export interface Limits {
  cpuCount: number;
  memoryMib: number;
  /** Processes and threads inside the sandbox. */
  pids: number;
  /** Size of the writable layer. */
  diskMib: number;
}

/**
 * A file or directory of the host shown inside the sandbox. Of one that is not read-only, every sandbox that has it sees
 * at once what another writes, with the owners that were written: it must be on a file system that can map owners.
 */
export interface GuestMount {
  source: string;
  /** Absolute path inside. */
  target: string;
  readonly: boolean;
}

export interface SandboxSpec {
  /** Fixed length; also the runtime's container id. */
  id: string;
  /** Private, existing, owned by the sandbox; the driver keeps its bundle, disk image, console log and state in it. */
  workDir: string;
  /** Read-only layer directories, lowest first. */
  layers: string[];
  limits: Limits;
  network: {
    /**
     * `/run/netns/NAME` of the namespace that holds `eth0`, already up with address and route.
     * undefined: a new namespace with nothing in it, which ends with the sandbox.
     */
    netnsPath: string | undefined;
  };
  hostname: string;
  /** Text of files written into the root before start, by absolute path: resolv.conf, hosts, … */
  files: Record<string, string>;
  mounts: GuestMount[];
  /**
   * Absolute path at which the sandbox's root, and nobody else inside, is to find control groups (version 2) of the
   * sandbox's own. A driver whose kernel has none of its own leaves it out.
   */
  controlGroups?: string | undefined;
  /** First process of the sandbox (a real init), as root inside. */
  args: string[];
  env: Record<string, string>;
}

export interface ExitInfo {
  /** Exit code of the first process, 128 + signal when a signal ended it; undefined when nobody could collect it. */
  exitCode: number | undefined;
}

/** What a sandbox uses, as the host counts it: with what the runtime itself needs for it. */
export interface Usage {
  /** CPU time since the start. */
  cpuUsec: number;
  /** Memory in use, page cache included. */
  memoryBytes: number;
  /** Page cache. */
  cacheBytes: number;
  diskUsedBytes: number;
  diskTotalBytes: number;
}

/** A process of a sandbox as the host sees it. */
export interface SandboxProcess {
  pid: number;
  name: string;
  /** One letter, as in /proc: `T` is stopped. */
  state: string;
}

/** A sandbox's runtime half. Stays valid over restarts of this process: `driver.find` gives an equal one. */
export interface RuntimeSandbox {
  readonly id: string;
  /** Host pid of the first process (of the sentry or VMM, where there is one). */
  readonly pid: number;
  /** What the kernel says now, not what was last asked for. */
  isAlive(): boolean;
  /** Resolves when the sandbox has ended, however; never rejects. */
  readonly exited: Promise<ExitInfo>;
  /** At most `maxBytes` of the newest console output. */
  consoleTail(maxBytes: number): Promise<string>;
  /**
   * The console as a file of lines `TIME stdout|stderr F|P TEXT` (P: the text goes on in the next line), stamped by the
   * host. At a bound it is replaced by a new file of the same name. Stays until `workDir` is removed.
   */
  readonly consoleFile: string;
  /**
   * Call when the daemon inside is up: what is started from now on comes behind what runs already. It gets the processor
   * later where all of it is the host's, and should memory run out, it is taken first, as far as the daemon does not see
   * to that itself.
   */
  spareWhatRuns(): void;
  /** Counters of the host, read without entering the sandbox; undefined when there are none (any more). */
  usage(): Usage | undefined;
  /** The first process, and its children where the host sees them: the way down to the guest daemon. */
  processes(): SandboxProcess[];
  /**
   * Lets those go on that a signal has stopped, the guest daemon among them also where the host does not see it.
   * Gives what was continued, for people; nothing else in the sandbox is touched.
   */
  wake(): Promise<string[]>;
  /**
   * Ends the sandbox at once and gives back everything `start` made: processes, mounts, loop devices, cgroups,
   * runtime state, but not `workDir` itself. Idempotent; also for a sandbox that has ended or half started.
   */
  destroy(): Promise<void>;
}

export interface ProbeResult {
  usable: boolean;
  /** What was tried and what came of it, for people: program, version, what failed. */
  evidence: string;
}

export interface RuntimeDriver {
  readonly name: string;
  readonly isolation: Isolation;
  readonly capabilities: DriverCapabilities;
  /** Mount points that it keeps for all its sandboxes together; not all of them need to be there. */
  readonly sharedMounts: readonly string[];
  /** Boots something real; bounded in time; leaves nothing behind. */
  probe(): Promise<ProbeResult>;
  /** Rejects with AppError `sandbox_runtime_failed` or `sandbox_disk_failed`, nothing left behind but `workDir`. */
  start(spec: SandboxSpec): Promise<RuntimeSandbox>;
  /** The sandbox of an earlier process, running or ended but not destroyed; undefined when nothing of it is left. */
  find(id: string, workDir: string): Promise<RuntimeSandbox | undefined>;
}
