/**
 * What the edge costs: the same small request straight to a service and through the edge, in turn, in one process for
 * the service, one for the edge and this one. Usage: node bench/proxy/run.ts
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { machineStamp, printReport, saveReport } from "../lib/report.ts";
import { alternate, summarize } from "../lib/statistics.ts";

const sandboxId = "ibenchbenchbenchbench";
const routing = { "E2b-Sandbox-Id": sandboxId, "E2b-Sandbox-Port": "49983" };
const sizeMib = 512;

async function start(role: string): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(new URL("./parts.ts", import.meta.url), [role]);
  const [message] = (await once(child, "message")) as [{ port: number }];
  return { child, port: message.port };
}

function caller(host: string, port: number): (path: string, body?: string) => Promise<number> {
  const agent = new Agent({ keepAlive: true });
  return async (path, body) => {
    const request = httpRequest({ host, port, path, agent, method: body ? "POST" : "GET", headers: routing });
    request.end(body);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    let received = 0;
    for await (const chunk of response) received += (chunk as Buffer).length;
    return received;
  };
}

const service = await start("service");
const edge = await start("edge");
try {
  const direct = caller("127.0.0.2", service.port);
  const proxied = caller("127.0.0.1", edge.port);
  const small = await alternate(
    { direct: () => direct("/echo", "x".repeat(100)), proxied: () => proxied("/echo", "x".repeat(100)) },
    { rounds: 3_000, warmup: 500 },
  );
  const download = await alternate(
    { direct: () => direct(`/download/${sizeMib}`), proxied: () => proxied(`/download/${sizeMib}`) },
    { rounds: 5, warmup: 1 },
  );
  const rows = {
    "100-byte echo, direct": summarize(small.direct),
    "100-byte echo, through the edge": summarize(small.proxied),
    [`${sizeMib} MiB download, direct`]: summarize(download.direct),
    [`${sizeMib} MiB download, through the edge`]: summarize(download.proxied),
  };
  const added = summarize(small.proxied).median - summarize(small.direct).median;
  const report = {
    bench: "proxy",
    machine: await machineStamp(),
    rows,
    ratios: {
      "ms added at the median": added,
      "download throughput, edge / direct":
        summarize(download.direct).median / summarize(download.proxied).median,
    },
    notes: [],
  };
  printReport(report);
  process.stdout.write(`${await saveReport(report)}\n`);
} finally {
  service.child.kill();
  edge.child.kill();
}
