/**
 * What the edge costs, always against the same thing straight: small requests, 1 GiB down and up, idle WebSockets, with
 * one process each for the service, the edge and this client; then 1 GiB out of real sandboxes.
 *   node bench/proxy/run.ts [--isolation container,gvisor] [--rounds 5]
 * `--isolation none` leaves the sandboxes out, which want root and what `./sandbank up` has prepared once.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { parseArgs } from "node:util";
import { type Report, machineStamp, printReport, saveReport } from "../lib/report.ts";
import { alternate, summarize } from "../lib/statistics.ts";
import { measureSandbox } from "./sandboxes.ts";
import { measureSockets } from "./sockets.ts";

const sandboxId = "ibenchbenchbenchbench";
const routing = { "E2b-Sandbox-Id": sandboxId, "E2b-Sandbox-Port": "49983" };
const sizeMib = 1024;
const socketCount = 1_000;
const part = Buffer.alloc(1024 * 1024);

interface Part {
  child: ChildProcess;
  pid: number;
  port: number;
}

async function start(role: string): Promise<Part> {
  const child = fork(new URL("./parts.ts", import.meta.url), [role]);
  const [message] = (await once(child, "message")) as [{ port: number }];
  return { child, pid: child.pid ?? 0, port: message.port };
}

function caller(host: string, port: number) {
  const agent = new Agent({ keepAlive: true });
  const begin = (method: string, path: string) =>
    httpRequest({ host, port, path, agent, method, headers: routing });
  const finish = async (request: ReturnType<typeof begin>): Promise<void> => {
    const [response] = (await once(request, "response")) as [IncomingMessage];
    await once(response.resume(), "end");
  };
  return {
    async send(path: string, body?: string): Promise<void> {
      const request = begin(body === undefined ? "GET" : "POST", path);
      request.end(body);
      await finish(request);
    },
    async upload(mib: number): Promise<void> {
      const request = begin("POST", "/upload").setHeader("content-length", mib * part.length);
      const done = finish(request);
      for (let sent = 0; sent < mib; sent++) if (!request.write(part)) await once(request, "drain");
      request.end();
      await done;
    },
  };
}

/** Processor seconds of a process since its start. */
async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function measureParts(rounds: number): Promise<Pick<Report, "rows" | "ratios">> {
  const [service, edge, pipe] = [await start("service"), await start("edge"), await start("pipe")];
  // Without the memory that bodies have left.
  const idleEdge = await start("edge");
  try {
    const direct = caller("127.0.0.2", service.port);
    const proxied = caller("127.0.0.1", edge.port);
    const piped = caller("127.0.0.1", pipe.port);
    const body = "x".repeat(100);
    const small = await alternate(
      { direct: () => direct.send("/echo", body), proxied: () => proxied.send("/echo", body) },
      { rounds: 3_000, warmup: 500 },
    );
    const down = `/download/${sizeMib}`;
    const cpuBefore = await Promise.all([edge, pipe].map(({ pid }) => cpuSeconds(pid)));
    const download = await alternate(
      { direct: () => direct.send(down), proxied: () => proxied.send(down), piped: () => piped.send(down) },
      { rounds, warmup: 1 },
    );
    const cpuAfter = await Promise.all([edge, pipe].map(({ pid }) => cpuSeconds(pid)));
    const [edgeCpu = 0, pipeCpu = 0] = cpuAfter.map((s, i) => (s - (cpuBefore[i] ?? 0)) / (rounds + 1));
    const upload = await alternate(
      {
        direct: () => direct.upload(sizeMib),
        proxied: () => proxied.upload(sizeMib),
        piped: () => piped.upload(sizeMib),
      },
      { rounds, warmup: 1 },
    );
    const sockets = await measureSockets(idleEdge, sandboxId, socketCount);
    const median = (samples: number[]): number => summarize(samples).median;
    return {
      rows: {
        "100-byte echo, direct": summarize(small.direct),
        "100-byte echo, edge": summarize(small.proxied),
        [`${sizeMib} MiB down, direct`]: summarize(download.direct),
        [`${sizeMib} MiB down, edge`]: summarize(download.proxied),
        [`${sizeMib} MiB down, bare pipe`]: summarize(download.piped),
        [`${sizeMib} MiB up, direct`]: summarize(upload.direct),
        [`${sizeMib} MiB up, edge`]: summarize(upload.proxied),
        [`${sizeMib} MiB up, bare pipe`]: summarize(upload.piped),
        ...sockets.rows,
      },
      ratios: {
        "ms added to an echo at the median": median(small.proxied) - median(small.direct),
        "download throughput, edge / direct": median(download.direct) / median(download.proxied),
        "download throughput, bare pipe / direct": median(download.direct) / median(download.piped),
        "processor s of the edge for a download": edgeCpu,
        "processor s of the bare pipe for a download": pipeCpu,
        "upload throughput, edge / direct": median(upload.direct) / median(upload.proxied),
        "upload throughput, bare pipe / direct": median(upload.direct) / median(upload.piped),
        "ms added to a WebSocket echo at the median": sockets.msAdded,
        "MiB of the edge, no WebSocket": sockets.beforeMib,
        [`MiB of the edge, ${socketCount} idle WebSockets`]: sockets.openMib,
        [`MiB for ${socketCount} idle WebSockets`]: sockets.openMib - sockets.beforeMib,
      },
    };
  } finally {
    for (const { child } of [service, edge, pipe, idleEdge]) child.kill();
  }
}

const { values } = parseArgs({
  options: {
    isolation: { type: "string", default: "container,gvisor" },
    rounds: { type: "string", default: "5" },
  },
});
const rounds = Number(values.rounds);
const { rows, ratios } = await measureParts(rounds);
for (const isolation of values.isolation.split(",")) {
  if (isolation === "none") continue;
  if (isolation !== "container" && isolation !== "gvisor") throw new Error(`no isolation ${isolation}`);
  const figures = await measureSandbox(isolation, sizeMib, rounds);
  Object.assign(rows, figures.rows);
  Object.assign(ratios, figures.ratios);
}
const report = { bench: "proxy", machine: await machineStamp(), rows, ratios, notes: [] };
printReport(report);
process.stdout.write(`${await saveReport(report)}\n`);
