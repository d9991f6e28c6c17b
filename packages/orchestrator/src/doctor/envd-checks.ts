import { errorText } from "@sandbank/core/errors";
import { jsonFrame, jsonFrames } from "@sandbank/protocol/connect-frames";
import { envdPort, headers } from "@sandbank/protocol/headers";
import { portHost } from "@sandbank/protocol/host-name";
import type { SandboxProcess, Usage } from "@sandbank/runtime/contract";
import { stateText } from "@sandbank/linux/process";
import { type HttpAnswer, httpCall } from "../sandbox/http-call.ts";
import { tcpDial } from "../sandbox/tcp-dial.ts";
import type { Finding } from "./path-checks.ts";

/** Long enough for a sandbox that waits for its turn on a busy machine; all of them together stay below 5 s. */
const timeouts = { dialMs: 1_000, otherDialMs: 500, healthMs: 1_500, commandMs: 3_000, proxyMs: 1_500 };
/** A port that programs hardly use: any answer, a refusal too, shows that somebody has the address. */
const otherPort = 1;
/** Envd tells its time in whole seconds. */
const maxClockOffsetMs = 2_500;
const minFreeDiskShare = 0.01;
const word = "sandbank-doctor";
const mib = 1024 * 1024;

export type PortFinding = Finding & { addressAnswers: boolean };

/** Whether somebody listens; when not, whether the address answers at all. */
export async function checkPort(hostAddress: string): Promise<PortFinding> {
  const result = await tcpDial(hostAddress, envdPort, timeouts.dialMs);
  const evidence = `connect to ${hostAddress}:${envdPort}: ${result}`;
  if (result === "connected") return { ok: true, evidence, addressAnswers: true };
  if (result === "ECONNREFUSED") return { ok: false, evidence, addressAnswers: true };
  const other = await tcpDial(hostAddress, otherPort, timeouts.otherDialMs);
  const addressAnswers = other === "ECONNREFUSED" || other === "connected";
  return { ok: false, evidence: `${evidence}; to port ${otherPort}: ${other}`, addressAnswers };
}

export async function checkEnvd(hostAddress: string, timeoutMs = timeouts.healthMs): Promise<Finding> {
  const path = "/health";
  const call = {
    host: hostAddress,
    port: envdPort,
    method: "GET",
    path,
    timeoutMs,
  } as const;
  let answer: HttpAnswer;
  try {
    answer = await httpCall(call);
  } catch (error) {
    return { ok: false, evidence: `GET ${path}: ${errorText(error)}` };
  }
  if (answer.status !== 204) return { ok: false, evidence: `GET ${path} gives ${answer.status}` };
  return checkClock(answer) ?? { ok: true, evidence: `GET ${path} gives 204` };
}

/** The daemon's clock against this one's; undefined when they agree or it does not say. */
function checkClock({ headers: { date } }: HttpAnswer): Finding | undefined {
  if (typeof date !== "string") return undefined;
  const offsetMs = Date.parse(date) - Date.now();
  if (Number.isNaN(offsetMs) || Math.abs(offsetMs) <= maxClockOffsetMs) return undefined;
  const seconds = Math.round(Math.abs(offsetMs) / 1000);
  return {
    ok: false,
    degradesOnly: true,
    evidence: `envd's clock says ${date}, the host's ${new Date().toUTCString()}: ${seconds} s ${offsetMs < 0 ? "behind" : "ahead"}`,
    meaning:
      "the sandbox's clock and the host's have come apart: one of them jumped, and TLS, signed URLs and timeouts go wrong",
    remedy: "set the host's clock right (timedatectl, chrony); when the sandbox's stays off, create another",
  };
}

/** Names what keeps envd from answering, where the host can see it. */
export function explainSilence(processes: SandboxProcess[]): Pick<Finding, "meaning" | "remedy"> | undefined {
  const stopped = processes.find(({ state }) => state === "T");
  if (!stopped) return undefined;
  return {
    meaning: `${stopped.name} (pid ${stopped.pid}) was stopped by a signal and does nothing until it is continued`,
  };
}

export const processesText = (processes: SandboxProcess[]): string =>
  processes.map(({ pid, name, state }) => `${name} (pid ${pid}) ${stateText(state)}`).join(", ");

interface StartMessage {
  event?: { data?: { stdout?: string; stderr?: string }; end?: { status?: string } };
  error?: { code?: string; message?: string };
}

/** The SDKs' own call for `commands.run`. */
export async function checkCommand(hostAddress: string, token: string | undefined): Promise<Finding> {
  const what = `/bin/bash -l -c "echo ${word}"`;
  const started = performance.now();
  let answer: HttpAnswer;
  try {
    answer = await httpCall({
      host: hostAddress,
      port: envdPort,
      method: "POST",
      path: "/process.Process/Start",
      headers: {
        ...(token === undefined ? {} : { [headers.accessToken]: token }),
        "connect-protocol-version": "1",
        "content-type": "application/connect+json",
      },
      body: jsonFrame({ process: { cmd: "/bin/bash", args: ["-l", "-c", `echo ${word}`] }, stdin: false }),
      timeoutMs: timeouts.commandMs,
    });
  } catch (error) {
    return { ok: false, evidence: `${what}: ${errorText(error)}` };
  }
  if (answer.status !== 200) {
    return {
      ok: false,
      evidence: `${what}: envd gives ${answer.status}: ${answer.body.toString().slice(0, 300)}`,
    };
  }
  const messages = jsonFrames<StartMessage>(answer.body);
  const output = (name: "stdout" | "stderr"): string =>
    messages.map((message) => Buffer.from(message.event?.data?.[name] ?? "", "base64").toString()).join("");
  // A login shell may say something of its own before.
  if (output("stdout").endsWith(`${word}\n`)) {
    return {
      ok: true,
      evidence: `${what} printed its word after ${Math.round(performance.now() - started)} ms`,
    };
  }
  const error = messages.find((message) => message.error)?.error?.message;
  const status = messages.find((message) => message.event?.end)?.event?.end?.status;
  const said = error ?? `${status ?? "no end"}; it said ${JSON.stringify(output("stderr").slice(-300))}`;
  return { ok: false, evidence: `${what}: ${said}` };
}

/** A writable layer without room lets commands start and fail in their own ways. */
export function checkDisk(usage: Usage | undefined): Finding | undefined {
  if (!usage || usage.diskTotalBytes === 0) return undefined;
  const { diskUsedBytes, diskTotalBytes } = usage;
  if (1 - diskUsedBytes / diskTotalBytes >= minFreeDiskShare) return undefined;
  const used = `${Math.floor(diskUsedBytes / mib)} of ${Math.floor(diskTotalBytes / mib)} MiB`;
  return {
    ok: false,
    degradesOnly: true,
    evidence: `the sandbox's disk is full: ${used} used`,
    meaning: "programs in the sandbox can't write files (No space left on device)",
    remedy: "remove files in the sandbox, or create one from a template with a larger disk",
  };
}

export interface ProxyAddress {
  host: string;
  port: number;
  /** Of port URLs, with the port when there is one. */
  domain: string;
}

/** By the routing headers and by the host name, as clients do. */
export async function checkProxy(sandboxId: string, proxy: ProxyAddress): Promise<Finding> {
  const byHeader = { [headers.sandboxId]: sandboxId, [headers.sandboxPort]: String(envdPort) };
  const name = portHost(envdPort, sandboxId, proxy.domain);
  const ways = [
    { way: `by header at ${proxy.host}:${proxy.port}`, sent: byHeader },
    { way: `by name ${name}`, sent: { host: name } },
  ];
  const results = await Promise.all(
    ways.map(async ({ way, sent }) => ({ way, said: await askProxy(proxy, sent) })),
  );
  const failed = results.filter(({ said }) => said !== "204");
  const evidence = (failed.length > 0 ? failed : results)
    .map(({ way, said }) => `${way}: ${said}`)
    .join("; ");
  return { ok: failed.length === 0, evidence };
}

async function askProxy({ host, port }: ProxyAddress, sent: Record<string, string>): Promise<string> {
  try {
    const call = { host, port, method: "GET", path: "/health", headers: sent } as const;
    const { status, body } = await httpCall({ ...call, timeoutMs: timeouts.proxyMs });
    return status === 204 ? "204" : `${status} ${body.toString().trim().slice(0, 200)}`;
  } catch (error) {
    return errorText(error);
  }
}
