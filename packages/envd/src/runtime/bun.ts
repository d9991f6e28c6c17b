import { closeSync, openSync, readSync } from "node:fs";
import { dlopen, ptr, read } from "bun:ffi";
import { bunApi, type Subprocess, type Terminal } from "./bun-api.ts";
import { dropCodePages } from "../system/code-pages.ts";
import { openFlags, syscallNumber } from "../system/syscalls.ts";
import { closeAll, openPipe } from "./pipes.ts";
import type {
  ByteSink,
  ByteSource,
  ExitStatus,
  Libc,
  PtyProcess,
  PtyRequest,
  Runtime,
  SpawnedProcess,
  SpawnRequest,
  SyscallArgument,
} from "./runtime.ts";

const bun = bunApi();

const openLibc = () => {
  const { syscall, __errno_location: errnoLocation } = dlopen("libc.so.6", {
    syscall: { args: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"], returns: "i64_fast" },
    __errno_location: { args: [], returns: "ptr" },
  }).symbols;
  if (!syscall || !errnoLocation) throw new Error("libc has no syscall()");
  return { syscall, errnoLocation };
};
/** Opened at first use: it costs a millisecond and a megabyte, which a start has no use for. */
let opened: ReturnType<typeof openLibc> | undefined;

/** An argument as the register takes it. Pointers are taken anew for each call: memory moves. */
function raw(arg: SyscallArgument | undefined): number {
  if (arg === undefined) return 0;
  if (typeof arg === "number") return arg;
  return arg.byteLength === 0 ? 0 : ptr(arg);
}

const libc: Libc = {
  syscall(number, a, b, c, d, e, f) {
    opened ??= openLibc();
    const result = opened.syscall(number, raw(a), raw(b), raw(c), raw(d), raw(e), raw(f));
    return result === -1 ? -read.i32(opened.errnoLocation(), 0) : result;
  },
};

function readFd(fd: number): ByteSource {
  const reader = bun.file(fd).stream().getReader();
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    // The stream does not own the descriptor: a cancel only takes it off the event loop.
    reader.cancel().catch(() => undefined);
    closeSync(fd);
  };
  return {
    async read() {
      const { value } = await reader.read();
      return open ? value : undefined;
    },
    finish() {
      if (!open) return [];
      reader.cancel().catch(() => undefined);
      const rest = readAvailable(fd);
      close();
      return rest;
    },
    close,
  };
}

/** At most 1 MiB: another process may go on writing for ever. */
function readAvailable(fd: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let total = 0; total < 1 << 20;) {
    const buffer = Buffer.allocUnsafe(65536);
    let count: number;
    try {
      count = readSync(fd, buffer, 0, buffer.length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") break;
      throw error;
    }
    if (count === 0) break;
    chunks.push(buffer.subarray(0, count));
    total += count;
  }
  return chunks;
}

function writeFd(fd: number): ByteSink {
  const sink = bun.file(fd).writer();
  let open = true;
  return {
    async write(bytes) {
      await sink.write(bytes);
      await sink.flush();
    },
    close() {
      if (!open) return;
      open = false;
      Promise.resolve(sink.end()).catch(() => undefined);
      closeSync(fd);
    },
  };
}

async function exitStatus(child: Subprocess): Promise<ExitStatus> {
  const code = await child.exited;
  return child.signalCode ? { exitCode: -1, signal: child.signalCode } : { exitCode: code };
}

const killChild = (child: Subprocess, signal: string): boolean => {
  if (child.exitCode !== null || child.signalCode !== null) return false;
  child.kill(signal);
  return true;
};

function spawn(request: SpawnRequest): SpawnedProcess {
  const fds: number[] = [];
  const pipe = (ours: "readEnd" | "writeEnd") => {
    const made = openPipe(libc, ours, request);
    fds.push(made.readEnd, made.writeEnd);
    return made;
  };
  try {
    const stdin = request.stdin ? pipe("writeEnd") : undefined;
    const stdout = pipe("readEnd");
    const stderr = pipe("readEnd");
    const child = bun.spawn([request.file, ...request.args], {
      cwd: request.cwd,
      env: request.env,
      // A session of its own: `kill 0` in a command must not reach the daemon, and its descendants can be told apart.
      detached: true,
      stdio: [stdin?.readEnd ?? "ignore", stdout.writeEnd, stderr.writeEnd],
    });
    closeAll(stdin?.readEnd, stdout.writeEnd, stderr.writeEnd);
    fds.length = 0;
    return {
      pid: child.pid,
      exited: exitStatus(child),
      kill: (signal) => killChild(child, signal),
      stdin: stdin && writeFd(stdin.writeEnd),
      stdout: readFd(stdout.readEnd),
      stderr: readFd(stderr.readEnd),
    };
  } catch (error) {
    closeAll(...fds);
    throw error;
  }
}

const TCXONC = 0x540a;

function openPty(request: PtyRequest): PtyProcess {
  const waiting: (() => void)[] = [];
  const drained = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  const child = bun.spawn([request.file, ...request.args], {
    cwd: request.cwd,
    env: request.env,
    terminal: {
      cols: request.cols,
      rows: request.rows,
      data: (_terminal, bytes) => request.onData(bytes),
      drain: drained,
    },
  });
  const terminal = child.terminal;
  if (!terminal) throw new Error("the runtime gave no terminal");
  const exited = exitStatus(child);
  // Nobody reads the input of a terminal that has ended.
  exited.then(drained, drained);
  return {
    pid: child.pid,
    exited,
    kill: (signal) => killChild(child, signal),
    write: (bytes) => writeTerminal(terminal, bytes, waiting),
    resize: (cols, rows) => terminal.resize(cols, rows),
    pause: () => flow(child.pid, 0),
    resume: () => flow(child.pid, 1),
    close: () => terminal.close(),
  };
}

async function writeTerminal(terminal: Terminal, bytes: Uint8Array, waiting: (() => void)[]): Promise<void> {
  for (let offset = 0; offset < bytes.length && !terminal.closed;) {
    const written = terminal.write(bytes.subarray(offset));
    if (written <= 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      await promise;
      continue;
    }
    offset += written;
  }
}

/** tcflow on the process's own end: 0 stops its output, 1 restarts it. */
function flow(pid: number, action: 0 | 1): void {
  let fd: number;
  try {
    fd = openSync(`/proc/${pid}/fd/0`, 2 | openFlags.noctty);
  } catch {
    // The process has closed its terminal or is gone: there is nothing to stop.
    return;
  }
  libc.syscall(syscallNumber("ioctl"), fd, TCXONC, action);
  closeSync(fd);
}

/** The daemon on Bun, as it runs in sandboxes. */
export const runtime: Runtime = {
  name: "bun",
  spawn,
  openPty,
  readFd,
  libc,
  collectGarbage() {
    bun.gc(true);
    dropCodePages(libc);
  },
};
