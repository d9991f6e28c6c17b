import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import type { Isolation } from "../lib/bare-runtime.ts";
import { BenchCloud } from "../lib/cloud.ts";
import { type EnvdEndpoint, runCommand } from "../lib/envd-client.ts";
import type { Report } from "../lib/report.ts";
import { alternate, summarize } from "../lib/statistics.ts";

const file = "/tmp/proxy-bench";

async function download({ host, port, agent, headers }: EnvdEndpoint, bytes: number): Promise<void> {
  const path = `/files?path=${encodeURIComponent(file)}`;
  const request = httpRequest({ host, port, agent, headers, path }).end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let received = 0;
  response.on("data", (chunk: Buffer) => (received += chunk.length));
  await once(response, "end");
  if (received !== bytes) throw new Error(`${response.statusCode} with ${received} bytes`);
}

/** A file out of a sandbox of one tier, by its daemon: straight to the sandbox's address and through the edge. */
export async function measureSandbox(
  isolation: Isolation,
  sizeMib: number,
  rounds: number,
): Promise<Pick<Report, "rows" | "ratios">> {
  await using cloud = await BenchCloud.start(isolation);
  const sandbox = await cloud.create();
  const direct = await cloud.direct(sandbox);
  const proxied = cloud.throughProxy(sandbox);
  // Without a block on the disk: what is measured is the way out.
  await runCommand(direct, "/usr/bin/truncate", ["-s", `${sizeMib}M`, file]);
  const bytes = sizeMib * 1024 * 1024;
  const times = await alternate(
    { direct: () => download(direct, bytes), proxied: () => download(proxied, bytes) },
    { rounds, warmup: 1 },
  );
  await cloud.kill(sandbox.sandboxId);
  const rows = {
    [`${sizeMib} MiB out of ${isolation}, direct`]: summarize(times.direct),
    [`${sizeMib} MiB out of ${isolation}, edge`]: summarize(times.proxied),
  };
  const ratio = summarize(times.direct).median / summarize(times.proxied).median;
  return { rows, ratios: { [`throughput out of ${isolation}, edge / direct`]: ratio } };
}
