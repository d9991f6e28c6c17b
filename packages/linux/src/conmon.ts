import { closeSync } from "node:fs";
import type { Readable } from "node:stream";
import { withTimeout } from "@sandbank/core/deadline";
import { AppError } from "@sandbank/core/errors";
import { systemPath } from "./command.ts";
import { openPipe, posixSpawn, reap } from "./posix-spawn.ts";

export interface MonitorRequest {
  /** Absolute path of conmon. */
  conmonPath: string;
  /** Absolute path of the OCI runtime. */
  runtimePath: string;
  /** Options of the runtime that go before its command. */
  runtimeArgs: string[];
  containerId: string;
  bundleDir: string;
  /** Files that the monitor writes: pid of the container's first process, its own pid. */
  pidFile: string;
  monitorPidFile: string;
  consoleLog: string;
  /** When the log reaches this size the monitor begins it anew. */
  consoleLogMaxBytes: number;
  /** The exit code appears here, as text in a file named after the container. */
  exitDir: string;
  /** The monitor makes a link to its attach socket here, named after the container. */
  socketDir: string;
  timeoutMs: number;
}

/** Descriptor of the pipe on which conmon says how creating went */
const syncFd = 3;
const reapTimeoutMs = 2000;

/**
 * Has conmon create a container: it becomes a daemon of its own, outlives this process, keeps the console log,
 * reaps the container and writes down its exit code. Resolves with the pid of the container's first process.
 * Rejects with AppError that carries the runtime's words.
 */
export async function createUnderMonitor(request: MonitorRequest): Promise<number> {
  const { reader, writeFd } = openPipe();
  try {
    const pid = startMonitor(request, writeFd);
    try {
      return parseAnswer(
        await withTimeout("creating the container", request.timeoutMs, () => firstLine(reader)),
      );
    } finally {
      // The process that was started leaves a daemon behind and ends at once.
      await reap(pid, reapTimeoutMs);
    }
  } finally {
    // The monitor holds the other end for as long as it lives.
    reader.destroy();
  }
}

function startMonitor(request: MonitorRequest, writeFd: number): number {
  try {
    return posixSpawn({
      file: request.conmonPath,
      args: monitorArgs(request),
      // conmon leaves a file named "oom" in its working directory when the sandbox runs out of memory.
      cwd: request.bundleDir,
      env: { PATH: systemPath, LANG: "C.UTF-8", _OCI_SYNCPIPE: String(syncFd) },
      descriptors: [{ own: writeFd, child: syncFd }],
    });
  } finally {
    closeSync(writeFd);
  }
}

function monitorArgs(request: MonitorRequest): string[] {
  const options = {
    "api-version": "1",
    cid: request.containerId,
    cuuid: request.containerId,
    name: request.containerId,
    runtime: request.runtimePath,
    bundle: request.bundleDir,
    "container-pidfile": request.pidFile,
    "conmon-pidfile": request.monitorPidFile,
    "log-path": `k8s-file:${request.consoleLog}`,
    "log-size-max": String(request.consoleLogMaxBytes),
    "exit-dir": request.exitDir,
    "socket-dir-path": request.socketDir,
    "log-level": "error",
  };
  return [
    ...Object.entries(options).map(([name, value]) => `--${name}=${value}`),
    ...request.runtimeArgs.map((arg) => `--runtime-arg=${arg}`),
    "--no-sync-log",
  ];
}

async function firstLine(stream: Readable): Promise<string> {
  let text = "";
  stream.setEncoding("utf8");
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  stream.on("data", (piece: string) => {
    text += piece;
    if (text.includes("\n")) resolve(text);
  });
  stream.on("end", () => resolve(text));
  stream.on("error", reject);
  return promise;
}

function parseAnswer(answer: string): number {
  let said: { data?: unknown; pid?: unknown; message?: unknown } = {};
  try {
    said = JSON.parse(answer) as typeof said;
  } catch {
    // Anything but JSON is shown as it is below.
  }
  const pid = said.data ?? said.pid;
  if (typeof pid === "number" && pid > 0) return pid;
  const words = typeof said.message === "string" ? said.message : answer;
  throw new AppError({
    code: "internal",
    reason: "sandbox_runtime_failed",
    message: "the runtime could not create the sandbox",
    detail: words.trim() || "conmon ended without a word",
  });
}
