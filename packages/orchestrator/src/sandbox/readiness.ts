import { readFile } from "node:fs/promises";
import { poll } from "@sandbank/core/deadline";
import { AppError, errorText } from "@sandbank/core/errors";
import type { PhaseTimer } from "@sandbank/core/phases";
import { envdPort } from "@sandbank/protocol/headers";
import type { RuntimeSandbox } from "@sandbank/runtime/contract";
import { layers } from "../doctor/layers.ts";
import { type LayerName, layerNames } from "../doctor/report.ts";
import { walkLayers, type WalkSubject } from "../doctor/walk.ts";
import type { LayerDeadlines } from "./deadlines.ts";
import { type EnvdInit, initEnvd } from "./envd-client.ts";
import { tcpDial } from "./tcp-dial.ts";

/** For one attempt of many (ms). */
const dialTimeoutMs = 100;

export interface ReadinessTarget {
  subject: WalkSubject;
  init: EnvdInit;
  deadlines: LayerDeadlines;
  timer: PhaseTimer;
}

/**
 * Walks the way to envd bottom-up and returns when envd has its configuration. The first layer that is not up
 * within its own deadline is examined as doctor does, and the error carries that verdict and the end of the console.
 */
export async function waitUntilReady(target: ReadinessTarget): Promise<void> {
  const { subject, init, deadlines, timer } = target;
  const { names, runtime } = subject;
  const gone = new AbortController();
  const stopWatching = watchExit(runtime, gone);
  const wait = <T>(
    layer: LayerName,
    timeoutMs: number,
    attempt: () => Promise<T | undefined>,
    evidence: () => string,
  ): Promise<T> =>
    timer.measure(layer, async () => {
      const result = await poll(attempt, { timeoutMs, signal: gone.signal });
      if (result === undefined) {
        throw await layerError(layer, `after ${timeoutMs} ms: ${evidence()}`, subject);
      }
      return result;
    });
  let reading = "";
  try {
    const sysDir = `/sys/class/net/${names.hostDevice}`;
    await wait(
      "device",
      deadlines.deviceMs,
      () => readOptional(`${sysDir}/ifindex`),
      () => `${sysDir} is not there`,
    );
    await wait(
      "link",
      deadlines.linkMs,
      async () =>
        (reading = (await readOptional(`${sysDir}/carrier`)) ?? "unreadable") === "1" ? true : undefined,
      () => `${sysDir}/carrier reads ${reading}`,
    );
    const first = await wait(
      "address",
      deadlines.addressMs,
      async () => {
        reading = await tcpDial(names.hostAddress, envdPort, dialTimeoutMs);
        return reading === "connected" || reading === "ECONNREFUSED" ? reading : undefined;
      },
      () => `connect to ${names.hostAddress}:${envdPort} gives ${reading}`,
    );
    if (first !== "connected") {
      await wait(
        "port",
        deadlines.portMs,
        async () => {
          reading = await tcpDial(names.hostAddress, envdPort, dialTimeoutMs);
          return reading === "connected" ? true : undefined;
        },
        () => `connect to ${names.hostAddress}:${envdPort} gives ${reading}`,
      );
    }
    await timer
      .measure("envd", () => initEnvd(names.hostAddress, init, deadlines.envdMs))
      .catch(async (error: unknown) => {
        throw await layerError("envd", errorText(error), subject);
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

/** Up to where doctor's finding is the cause of a wait that ended without success; what lies higher was not reached yet. */
const causes: Partial<Record<LayerName, LayerName>> = { link: "carrier", address: "route" };

async function layerError(waited: LayerName, evidence: string, subject: WalkSubject): Promise<AppError> {
  const { runtime } = subject;
  // Whether the address answers at all shows where ports are examined.
  const found = await walkLayers(subject, waited === "address" ? "port" : (causes[waited] ?? waited));
  const isCause =
    found.layer !== null &&
    found.layer !== waited &&
    layerNames.indexOf(found.layer) <= layerNames.indexOf(causes[waited] ?? waited);
  const layer = isCause && found.layer !== null ? found.layer : waited;
  const reading = isCause ? `${evidence}; ${found.evidence}` : evidence;
  const meaning = (found.layer === layer ? found.meaning : null) ?? layers[layer].meaning;
  const state = runtime.isAlive() ? `process ${runtime.pid} is alive` : `process ${runtime.pid} is gone`;
  return new AppError({
    code: "internal",
    reason: layers[layer].reason,
    message: `sandbox did not become ready: ${meaning} (layer ${layer}; ${reading})${await consoleEnd(runtime)}`,
    detail: `${state}; doctor: ${found.verdict}, ${found.layer ?? "no layer"}: ${found.evidence}`,
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
