import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { poll } from "@sandbank/core/deadline";
import { AppError, type ErrorReason, errorText } from "@sandbank/core/errors";
import type { PhaseTimer } from "@sandbank/core/phases";
import { envdPort } from "@sandbank/protocol/headers";
import type { RuntimeSandbox } from "@sandbank/runtime/contract";
import type { SlotNames } from "../network/addresses.ts";
import type { LayerDeadlines } from "./deadlines.ts";
import { type EnvdInit, initEnvd } from "./envd-client.ts";

interface Layer {
  name: string;
  reason: ErrorReason;
  /** What is wrong when the layer never comes up, for people. */
  meaning: string;
}

const layers = {
  device: {
    name: "device",
    reason: "sandbox_device_missing",
    meaning: "the sandbox's network device does not exist on the host",
  },
  link: {
    name: "link",
    reason: "sandbox_link_down",
    meaning: "the sandbox's network device has no carrier",
  },
  address: {
    name: "address",
    reason: "sandbox_address_unreachable",
    meaning: "nothing answers at the sandbox's address",
  },
  port: {
    name: "port",
    reason: "sandbox_port_closed",
    meaning: `the sandbox's address answers, but nothing listens on envd's port ${envdPort}`,
  },
  envd: {
    name: "envd",
    reason: "sandbox_envd_unhealthy",
    meaning: "envd listens but did not take its configuration",
  },
} satisfies Record<string, Layer>;

export interface ReadinessTarget {
  names: SlotNames;
  runtime: RuntimeSandbox;
  init: EnvdInit;
  deadlines: LayerDeadlines;
  timer: PhaseTimer;
}

/**
 * Walks the way to envd bottom-up and returns when envd has its configuration. The first layer that is not up
 * within its own deadline is the one the error names, with its evidence and the end of the console.
 */
export async function waitUntilReady(target: ReadinessTarget): Promise<void> {
  const { names, runtime, init, deadlines, timer } = target;
  const gone = new AbortController();
  const stopWatching = watchExit(runtime, gone);
  const wait = <T>(
    layer: Layer,
    timeoutMs: number,
    attempt: () => Promise<T | undefined>,
    evidence: () => string,
  ): Promise<T> =>
    timer.measure(layer.name, async () => {
      const result = await poll(attempt, { timeoutMs, signal: gone.signal });
      if (result === undefined) {
        throw await layerError(layer, `after ${timeoutMs} ms: ${evidence()}`, runtime);
      }
      return result;
    });
  let reading = "";
  try {
    const sysDir = `/sys/class/net/${names.hostDevice}`;
    await wait(
      layers.device,
      deadlines.deviceMs,
      () => readOptional(`${sysDir}/ifindex`),
      () => `${sysDir} is not there`,
    );
    await wait(
      layers.link,
      deadlines.linkMs,
      async () =>
        (reading = (await readOptional(`${sysDir}/carrier`)) ?? "unreadable") === "1" ? true : undefined,
      () => `${sysDir}/carrier reads ${reading}`,
    );
    const first = await wait(
      layers.address,
      deadlines.addressMs,
      async () => {
        reading = await tryConnect(names.hostAddress, envdPort);
        return reading === "connected" || reading === "ECONNREFUSED" ? reading : undefined;
      },
      () => `connect to ${names.hostAddress}:${envdPort} gives ${reading}`,
    );
    if (first !== "connected") {
      await wait(
        layers.port,
        deadlines.portMs,
        async () => {
          reading = await tryConnect(names.hostAddress, envdPort);
          return reading === "connected" ? true : undefined;
        },
        () => `connect to ${names.hostAddress}:${envdPort} gives ${reading}`,
      );
    }
    await timer
      .measure("envd", () => initEnvd(names.hostAddress, init, deadlines.envdMs))
      .catch(async (error: unknown) => {
        throw await layerError(layers.envd, errorText(error), runtime);
      });
  } catch (error) {
    if (gone.signal.aborted) throw await exitError(runtime);
    throw error;
  } finally {
    stopWatching();
  }
}

function watchExit(runtime: RuntimeSandbox, gone: AbortController): () => void {
  let watching = true;
  void runtime.exited.then(() => {
    if (watching) gone.abort();
  });
  return () => {
    watching = false;
  };
}

async function layerError(layer: Layer, evidence: string, runtime: RuntimeSandbox): Promise<AppError> {
  const state = runtime.isAlive() ? `process ${runtime.pid} is alive` : `process ${runtime.pid} is gone`;
  return new AppError({
    code: "internal",
    reason: layer.reason,
    message: `sandbox did not become ready: ${layer.meaning} (layer ${layer.name}; ${evidence})${await consoleEnd(runtime)}`,
    detail: state,
  });
}

async function exitError(runtime: RuntimeSandbox): Promise<AppError> {
  const { exitCode } = await runtime.exited;
  return new AppError({
    code: "internal",
    reason: "sandbox_exited",
    message: `sandbox did not become ready: its first process ended with exit code ${exitCode ?? "unknown"}${await consoleEnd(runtime)}`,
  });
}

/** The console's end as the last part of a message; it is the tenant's own output. */
async function consoleEnd(runtime: RuntimeSandbox): Promise<string> {
  const tail = (await runtime.consoleTail(1_000)).trim();
  return tail ? `; the console ends with: ${tail}` : "; the console is empty";
}

async function readOptional(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // EINVAL is how the kernel says that a device which is down has no carrier to read.
    if (code === "ENOENT" || code === "EINVAL") return undefined;
    throw error;
  }
}

/** "connected", or the error code of the attempt; an attempt without any answer within 100 ms is "no answer". */
function tryConnect(host: string, port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ host, port });
  const finish = (result: string): void => {
    clearTimeout(timer);
    socket.destroy();
    resolve(result);
  };
  const timer = setTimeout(() => finish("no answer"), 100);
  socket.on("connect", () => finish("connected"));
  socket.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
  return promise;
}
