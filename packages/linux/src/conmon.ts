import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { withTimeout } from "@sandbank/core/deadline";
import { AppError } from "@sandbank/core/errors";
import { systemPath } from "./command.ts";

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

/** descriptor of the pipe on which conmon says how creating went */
const syncFd = 3;

/**
 * Has conmon create a container: it becomes a daemon of its own, outlives this process, keeps the console log,
 * reaps the container and writes down its exit code. Resolves with the pid of the container's first process.
 * Rejects with AppError that carries the runtime's words.
 */
export async function createUnderMonitor(request: MonitorRequest): Promise<number> {
  const child = spawn(request.conmonPath, monitorArgs(request), {
    env: { PATH: systemPath, LANG: "C.UTF-8", _OCI_SYNCPIPE: String(syncFd) },
    cwd: "/",
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const complaints = (child.stdio[2] as Readable).setEncoding("utf8");
  const answers = (child.stdio[syncFd] as Readable).setEncoding("utf8");
  let complaint = "";
  complaints.on("data", (text: string) => {
    complaint += text;
  });
  try {
    const answer = await withTimeout("creating the container", request.timeoutMs, () =>
      Promise.race([
        firstLine(answers),
        once(child, "error").then(([error]: unknown[]) => Promise.reject(error as Error)),
      ]),
    );
    return parseAnswer(answer, complaint);
  } finally {
    // The monitor holds the other ends for as long as it lives.
    complaints.destroy();
    answers.destroy();
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
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  stream.on("data", (piece: string) => {
    text += piece;
    if (text.includes("\n")) resolve(text);
  });
  stream.on("end", () => resolve(text));
  stream.on("error", reject);
  return promise;
}

function parseAnswer(answer: string, complaint: string): number {
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
    detail:
      [words, complaint]
        .map((text) => text.trim())
        .filter(Boolean)
        .join("; ") || "no word from conmon",
  });
}
