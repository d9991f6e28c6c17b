import { spawn as nodeSpawn, type ChildProcess as NodeChild } from "node:child_process";
import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import { Socket } from "node:net";
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
} from "./runtime.ts";

/** The part of node:ffi in use; @types/node does not know the module yet. */
interface NodeFfi {
  dlopen(
    file: string,
    functions: Record<string, { arguments: string[]; return: string }>,
  ): { functions: Record<string, (...args: bigint[]) => bigint> };
  getRawPointer(buffer: ArrayBufferLike): bigint;
  getInt32(pointer: bigint, offset: number): number;
}

function loadLibc(): Libc {
  const ffi = process.getBuiltinModule("node:ffi") as unknown as NodeFfi;
  const { functions } = ffi.dlopen("libc.so.6", {
    syscall: { arguments: Array.from({ length: 7 }, () => "int64"), return: "int64" },
    __errno_location: { arguments: [], return: "pointer" },
  });
  const { syscall, __errno_location: errnoLocation } = functions;
  if (!syscall || !errnoLocation) throw new Error("libc has no syscall()");
  return {
    syscall(number, ...args) {
      const raw = Array.from({ length: 6 }, (_, index): bigint => {
        const arg = args[index] ?? 0;
        if (typeof arg === "number") return BigInt(arg);
        return arg.byteLength === 0 ? 0n : ffi.getRawPointer(arg.buffer) + BigInt(arg.byteOffset);
      });
      const result = Number(syscall(BigInt(number), ...raw));
      return result === -1 ? -ffi.getInt32(errnoLocation(), 0) : result;
    },
  };
}

const libc = loadLibc();

function readFd(fd: number): ByteSource {
  if (!fstatSync(fd).isFIFO()) return pollFd(fd);
  const socket = new Socket({ fd, readable: true, writable: false });
  let failed = false;
  socket.on("error", () => (failed = true));
  const next = async (): Promise<Uint8Array | undefined> => {
    for (;;) {
      const chunk = socket.read() as Buffer | null;
      if (chunk) return chunk;
      if (failed || socket.readableEnded || socket.destroyed) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      const events = ["readable", "end", "close", "error"];
      const wake = (): void => {
        for (const event of events) socket.off(event, wake);
        resolve();
      };
      for (const event of events) socket.on(event, wake);
      await promise;
    }
  };
  return {
    read: next,
    finish() {
      if (socket.destroyed) return [];
      const rest = [socket.read() as Buffer | null, ...readAvailable(fd)].filter((chunk) => chunk !== null);
      socket.destroy();
      return rest;
    },
    close: () => void socket.destroy(),
  };
}

function readAvailable(fd: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let count = -1; count !== 0 && chunks.length < 16;) {
    const buffer = Buffer.allocUnsafe(65536);
    try {
      count = readSync(fd, buffer, 0, buffer.length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") break;
      throw error;
    }
    if (count > 0) chunks.push(buffer.subarray(0, count));
  }
  return chunks;
}

/** Node has no event for such descriptors (inotify): looked at every 10 ms, which is enough for tests. */
function pollFd(fd: number): ByteSource {
  let open = true;
  let timer: NodeJS.Timeout | undefined;
  let wake: (() => void) | undefined;
  const close = (): void => {
    if (!open) return;
    open = false;
    clearTimeout(timer);
    wake?.();
    closeSync(fd);
  };
  return {
    async read() {
      for (;;) {
        if (!open) return undefined;
        const [chunk] = readAvailable(fd);
        if (chunk) return chunk;
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, 10);
        });
      }
    },
    finish() {
      close();
      return [];
    },
    close,
  };
}

function writeFd(fd: number): ByteSink {
  let open = true;
  return {
    async write(bytes) {
      for (let offset = 0; offset < bytes.length;) {
        if (!open) throw new Error("closed");
        try {
          offset += writeSync(fd, bytes, offset);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    },
    close() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

function watch(child: NodeChild): { pid: number; exited: Promise<ExitStatus> } {
  if (child.pid === undefined) {
    // Node tells of a missing program later, by an event; the caller wants to know at once.
    child.on("error", () => undefined);
    throw Object.assign(new Error("cannot be started"), { code: "ENOENT" });
  }
  const { promise, resolve } = Promise.withResolvers<ExitStatus>();
  child.on("exit", (code, signal) => resolve(signal ? { exitCode: -1, signal } : { exitCode: code ?? 0 }));
  return { pid: child.pid, exited: promise };
}

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
    const child = nodeSpawn(request.file, request.args, {
      cwd: request.cwd,
      env: request.env,
      detached: true,
      stdio: [stdin?.readEnd ?? "ignore", stdout.writeEnd, stderr.writeEnd],
    });
    const watched = watch(child);
    closeAll(stdin?.readEnd, stdout.writeEnd, stderr.writeEnd);
    fds.length = 0;
    return {
      ...watched,
      kill: (signal) => child.kill(signal),
      stdin: stdin && writeFd(stdin.writeEnd),
      stdout: readFd(stdout.readEnd),
      stderr: readFd(stderr.readEnd),
    };
  } catch (error) {
    closeAll(...fds);
    throw error;
  }
}

/** Terminals exist on Bun only: Node would need a native addon for them. */
function openPty(_request: PtyRequest): PtyProcess {
  throw new Error("no terminals on Node");
}

/** The daemon on Node, for tests. */
export const runtime: Runtime = {
  name: "node",
  spawn,
  openPty,
  readFd,
  libc,
  collectGarbage: () => undefined,
};
