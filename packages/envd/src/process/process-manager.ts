import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { AppError, errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import type { Runtime, SpawnedProcess, SpawnRequest } from "../runtime/runtime.ts";
import type { SandboxState } from "../state.ts";
import { CredentialSwitch } from "../system/credentials.ts";
import { ProcessLimit } from "../system/process-limit.ts";
import { resolvePath } from "../system/paths.ts";
import type { User } from "../system/users.ts";
import { type ManagedProcess, PipedProcess, PtyManagedProcess } from "./managed-process.ts";
import { isLive, ProcessTable } from "./process-table.ts";
import { RunawayWatch } from "./runaway-watch.ts";
import type { StartRequest } from "./start-request.ts";

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** When memory runs out, the kernel takes a process of the user before the daemon. */
const oomScoreAdj = "100";

/** Starts processes as users of the sandbox and knows them until 30 s after their end. */
export class ProcessManager {
  readonly table = new ProcessTable();
  readonly #runtime: Runtime;
  readonly #state: SandboxState;
  readonly #credentials: CredentialSwitch;
  readonly #limit: ProcessLimit;
  readonly #runaways: RunawayWatch;

  constructor(runtime: Runtime, state: SandboxState, logger: Logger) {
    this.#runtime = runtime;
    this.#state = state;
    this.#credentials = new CredentialSwitch(runtime.libc);
    this.#limit = new ProcessLimit(runtime.libc);
    this.#runaways = new RunawayWatch({ limit: this.#limit.forPrograms, logger });
  }

  list(): ManagedProcess[] {
    return this.table.all().filter(isLive);
  }

  /** Bad cwd or spawn failure: `invalid_argument`. A missing program is no failure: its process ends with 127. */
  start(request: StartRequest, user: User): ManagedProcess {
    const groups = this.#state.users.groupsOf(user);
    const cwd = this.#workingDirectory(request.config.cwd, user);
    const { cmd: file, args } = request.config;
    const env: Record<string, string> = {
      PATH: defaultPath,
      HOME: user.home,
      USER: user.name,
      LOGNAME: user.name,
      ...this.#state.envVars,
      ...request.config.envs,
    };
    const common = { file, args, env, cwd, stdin: request.stdin, uid: user.uid, gid: user.gid };
    const started = this.#credentialed(user, groups, common, (spawn) => this.#launch(request, spawn));
    this.#runaways.start(started, () => this.table.all().some(isLive));
    this.table.add(started);
    void started.done.then(() => {
      if (started.wasVerbose) this.#runtime.collectGarbage();
    });
    lowerPriorityForOom(started.pid);
    return started;
  }

  /** Resolves when the kernel has the bytes. Errors: as `ManagedProcess.input`. */
  input(process: ManagedProcess, kind: "stdin" | "pty", bytes: Uint8Array): Promise<void> {
    this.#runaways.stir();
    return process.input(kind, bytes);
  }

  #launch(request: StartRequest, spawn: SpawnRequest): ManagedProcess {
    const info = { config: request.config, tag: request.tag };
    if (!request.pty) return new PipedProcess(this.#runtime.spawn(spawn) satisfies SpawnedProcess, info);
    let receive: ((bytes: Uint8Array) => void) | undefined;
    const early: Uint8Array[] = [];
    const onData = (bytes: Uint8Array): void => {
      if (receive) receive(bytes);
      else early.push(bytes);
    };
    const pty = this.#runtime.openPty({ ...spawn, ...request.pty, onData });
    return new PtyManagedProcess(pty, info, (target) => {
      receive = target;
      for (const bytes of early) target(bytes);
    });
  }

  #credentialed(
    user: User,
    groups: readonly number[],
    request: SpawnRequest,
    launch: (request: SpawnRequest) => ManagedProcess,
  ): ManagedProcess {
    const attempt = (spawn: SpawnRequest) =>
      this.#limit.run(() => this.#credentials.run(user, groups, () => launch(spawn)));
    try {
      return attempt(request);
    } catch (error) {
      // Nothing can be started for want of processes: once whoever took them has ended, it can.
      if (isExhausted(error) && this.#runaways.makeRoom()) return attempt(request);
      if (!notExecutable(error)) throw spawnError(request.file, error);
    }
    try {
      // A shell says why on stderr and ends with 126 or 127, as it does everywhere; scripts without #! run.
      const args = ["-c", 'exec "$0" "$@"', request.file, ...request.args];
      return attempt({ ...request, file: "/bin/sh", args });
    } catch (error) {
      throw spawnError(request.file, error);
    }
  }

  #workingDirectory(cwd: string | undefined, user: User): string {
    const path = resolvePath(cwd ?? "", user, this.#state.defaultWorkdir ?? user.home);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) return path;
    const problem = stat ? "is not a directory" : "does not exist";
    throw new AppError({ code: "invalid_argument", message: `cwd '${path}' ${problem}` });
  }
}

function notExecutable(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return (
    code === "ENOENT" || code === "EACCES" || code === "ENOEXEC" || code === "ENOTDIR" || code === "ELOOP"
  );
}

const isExhausted = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "EAGAIN";

function spawnError(file: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  return new AppError({
    code:
      code === "EAGAIN" || code === "ENOMEM" || code === "EMFILE" ? "resource_exhausted" : "invalid_argument",
    message: `cannot start '${file}': ${code ?? errorText(error)}`,
    cause: error,
  });
}

function lowerPriorityForOom(pid: number): void {
  try {
    const fd = openSync(`/proc/${pid}/oom_score_adj`, "w");
    try {
      writeSync(fd, oomScoreAdj);
    } finally {
      closeSync(fd);
    }
  } catch {
    // The process has ended already, or this kernel keeps no such score: nothing to protect against then.
  }
}
