/**
 * The control plane over HTTP with 1,000 sandboxes recorded: latency at a constant arrival rate, counted from the moment
 * at which each request was due, and answers per second at saturation, beside a bare HTTP server in the same run:
 *   node bench/api/run.ts [--rounds 3] [--rate 200] [--sandboxes 1000]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { parseArgs } from "node:util";
import { atConstantRate, saturated } from "../lib/arrival.ts";
import { machineStamp, printReport, saveReport } from "../lib/report.ts";
import { summarize } from "../lib/statistics.ts";

const stretchMs = 5_000;
const saturationMs = 3_000;
const connections = 32;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    rate: { type: "string", default: "200" },
    sandboxes: { type: "string", default: "1000" },
  },
});
const perSec = Number(values.rate);

interface Server {
  url: string;
  bareUrl: string;
  key: string;
  ids: string[];
}

const child = fork(new URL("./server.ts", import.meta.url), [values.sandboxes]);
const [server] = (await once(child, "message")) as [Server];
const agent = new Agent({ keepAlive: true });

async function call(method: string, url: string, expected: number, body?: unknown): Promise<string> {
  const headers = { "x-api-key": server.key, "content-type": "application/json" };
  const request = httpRequest(url, {
    method,
    agent,
    headers: body === undefined ? { "x-api-key": server.key } : headers,
  });
  request.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += String(chunk);
  if (response.statusCode === expected) return text;
  throw new Error(`${method} ${url} answered ${response.statusCode}: ${text}`);
}

const made: string[] = [];
const idOf = (index: number): string => server.ids[(index * 7) % server.ids.length] ?? "";
const scenarios: Record<string, (index: number) => Promise<unknown>> = {
  "bare HTTP server": () => call("GET", server.bareUrl, 200),
  "GET /health": () => call("GET", `${server.url}/health`, 204),
  get: (index) => call("GET", `${server.url}/sandboxes/${idOf(index)}`, 200),
  "list, 100 of them": () => call("GET", `${server.url}/v2/sandboxes`, 200),
  "list by metadata, 20 of them": (index) =>
    call("GET", `${server.url}/v2/sandboxes?metadata=owner%3Duser-${index % 50}`, 200),
  connect: (index) =>
    call("POST", `${server.url}/v2/sandboxes/${idOf(index)}/connect`, 200, { timeout: 3_600 + index }),
  "create, on a node that pretends": async () => {
    const body = { templateID: "base", timeout: 3_600, metadata: { a: "b" } };
    const { sandboxID } = JSON.parse(await call("POST", `${server.url}/v2/sandboxes`, 201, body)) as {
      sandboxID: string;
    };
    made.push(sandboxID);
  },
};

async function removeMade(): Promise<void> {
  for (const id of made.splice(0)) await call("DELETE", `${server.url}/sandboxes/${id}`, 204);
}

async function serverCpuMs(): Promise<number> {
  child.send("cpu");
  const [{ user, system }] = (await once(child, "message")) as [NodeJS.CpuUsage];
  return (user + system) / 1000;
}

const samples: Record<string, number[]> = {};
const answersPerSec: Record<string, number[]> = {};
/** Per answer at the constant rate. Hardly depends on what else the machine does. */
const cpuMs: Record<string, number[]> = {};
try {
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const [name, send] of Object.entries(scenarios)) {
      const sendOne = async (index: number): Promise<void> => void (await send(index));
      // The first round only warms up.
      const durationMs = round < 0 ? 1_000 : stretchMs;
      const cpuBeforeMs = await serverCpuMs();
      const taken = await atConstantRate(sendOne, { perSec, durationMs });
      const usedMs = (await serverCpuMs()) - cpuBeforeMs;
      await removeMade();
      if (round < 0) continue;
      (samples[name] ??= []).push(...taken);
      (cpuMs[name] ??= []).push(usedMs / taken.length);
      (answersPerSec[name] ??= []).push(await saturated(sendOne, { connections, durationMs: saturationMs }));
      await removeMade();
    }
  }
  const rows = Object.fromEntries(Object.entries(samples).map(([name, all]) => [name, summarize(all)]));
  const medians = (series: Record<string, number[]>, what: string): [string, number][] =>
    Object.entries(series).map(([name, all]) => [`${name}: ${what}`, summarize(all).median]);
  const ratios = Object.fromEntries([
    ...medians(answersPerSec, `answers/s, ${connections} at once`),
    ...medians(cpuMs, "server's CPU ms per answer"),
  ]);
  const notes = [
    `latency at ${perSec} requests/s, from the moment at which each was due; ${server.ids.length} sandboxes recorded`,
    "client and server are one process each; the client's own cost is in the figures of the bare server too",
  ];
  const report = { bench: "api", machine: await machineStamp(), rows, ratios, notes };
  printReport(report);
  process.stdout.write(`${await saveReport(report)}\n`);
} finally {
  agent.destroy();
  child.disconnect();
}
