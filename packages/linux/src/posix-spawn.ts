import { closeSync, openSync } from "node:fs";
import { dlopen, getRawPointer } from "node:ffi";
import { Socket } from "node:net";
import { poll } from "@sandbank/core/deadline";
import { SystemCallError, checked, cString } from "./libc.ts";

/** Like `libc.ts`, but in a table of its own: these are used together and nowhere else. */
const { functions: c } = dlopen("libc.so.6", {
  posix_spawn: { arguments: ["buffer", "string", "buffer", "buffer", "buffer", "buffer"], return: "int32" },
  posix_spawn_file_actions_init: { arguments: ["buffer"], return: "int32" },
  posix_spawn_file_actions_adddup2: { arguments: ["buffer", "int32", "int32"], return: "int32" },
  posix_spawn_file_actions_addchdir_np: { arguments: ["buffer", "string"], return: "int32" },
  posix_spawn_file_actions_destroy: { arguments: ["buffer"], return: "int32" },
  posix_spawnattr_init: { arguments: ["buffer"], return: "int32" },
  posix_spawnattr_setflags: { arguments: ["buffer", "int16"], return: "int32" },
  posix_spawnattr_setsigdefault: { arguments: ["buffer", "buffer"], return: "int32" },
  posix_spawnattr_setsigmask: { arguments: ["buffer", "buffer"], return: "int32" },
  posix_spawnattr_destroy: { arguments: ["buffer"], return: "int32" },
  pipe2: { arguments: ["buffer", "int32"], return: "int32" },
  waitpid: { arguments: ["int32", "buffer", "int32"], return: "int32" },
});

/** More than posix_spawnattr_t (336 bytes) and posix_spawn_file_actions_t (80) take. */
const opaqueBytes = 512;
const signalSetBytes = 128;
const setSignalDefaults = 4;
const setSignalMask = 8;
const closeOnExec = 0o2_000_000;
const noHang = 1;

export interface DescriptorFor {
  /** What it is in the child. */
  child: number;
  /** An open descriptor of this process. */
  own: number;
}

export interface SpawnRequest {
  /** Absolute path. */
  file: string;
  args: string[];
  /** Working directory. */
  cwd: string;
  env: Record<string, string>;
  /** Besides /dev/null as standard input, output and error. */
  descriptors: DescriptorFor[];
}

/**
 * Starts a program with posix_spawn: 0.2 ms, where child_process copies this process' page tables first (2 to 5 ms, during which
 * nothing else runs here). No streams, no events: the caller reaps the child with `reap`. Throws SystemCallError.
 */
export function posixSpawn(request: SpawnRequest): number {
  const attributes = spawnAttributes();
  const actions = Buffer.alloc(opaqueBytes);
  c.posix_spawn_file_actions_init(actions);
  const nullFd = openSync("/dev/null", "r+");
  try {
    c.posix_spawn_file_actions_addchdir_np(actions, request.cwd);
    for (const child of [0, 1, 2]) c.posix_spawn_file_actions_adddup2(actions, nullFd, child);
    for (const { own, child } of request.descriptors) {
      c.posix_spawn_file_actions_adddup2(actions, own, child);
    }
    const args = new StringArray([request.file, ...request.args]);
    const env = new StringArray(Object.entries(request.env).map(([name, value]) => `${name}=${value}`));
    const pid = Buffer.alloc(4);
    const errno = c.posix_spawn(pid, request.file, actions, attributes, args.pointers, env.pointers);
    if (errno !== 0) throw new SystemCallError("posix_spawn", request.file, errno);
    args.release();
    env.release();
    return pid.readInt32LE();
  } finally {
    closeSync(nullFd);
    c.posix_spawn_file_actions_destroy(actions);
    c.posix_spawnattr_destroy(attributes);
  }
}

/** Waits for a child of `posixSpawn` that is about to end and gives its wait status; undefined when it runs for longer. */
export async function reap(pid: number, timeoutMs: number): Promise<number | undefined> {
  const status = Buffer.alloc(4);
  const reaped = await poll(
    () => checked("waitpid", String(pid), c.waitpid(pid, status, noHang)) === pid || undefined,
    { timeoutMs },
  );
  return reaped ? status.readInt32LE() : undefined;
}

/** A pipe: a stream that reads, and the descriptor to give to a child and close. */
export function openPipe(): { reader: Socket; writeFd: number } {
  const fds = Buffer.alloc(8);
  checked("pipe2", "", c.pipe2(fds, closeOnExec));
  const reader = new Socket({ fd: fds.readInt32LE(0), readable: true, writable: false });
  return { reader, writeFd: fds.readInt32LE(4) };
}

/** No signal blocked or ignored: Node ignores SIGPIPE, and what is ignored stays so over exec. */
function spawnAttributes(): Buffer {
  const attributes = Buffer.alloc(opaqueBytes);
  c.posix_spawnattr_init(attributes);
  c.posix_spawnattr_setsigdefault(attributes, Buffer.alloc(signalSetBytes, 0xff));
  c.posix_spawnattr_setsigmask(attributes, Buffer.alloc(signalSetBytes));
  c.posix_spawnattr_setflags(attributes, setSignalDefaults | setSignalMask);
  return attributes;
}

/** A NULL-terminated array of C strings. */
class StringArray {
  readonly pointers: Buffer;
  #strings: Buffer[];

  constructor(texts: string[]) {
    this.#strings = texts.map(cString);
    this.pointers = Buffer.alloc((texts.length + 1) * 8);
    for (const [index, string] of this.#strings.entries()) {
      this.pointers.writeBigUInt64LE(getRawPointer(string), index * 8);
    }
  }

  /** Until then the strings are in use, and so are not collected. */
  release(): void {
    this.#strings = [];
  }
}
