import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { Sandbox } from "e2b";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { CloudUnderTest } from "./cloud.ts";

const port = 8000;
/** Answers with the host that it is called by; `/slow` after some seconds, `/large` with 3 MB. */
const program = `
import http.server, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow": time.sleep(5)
        body = bytes(3000000) if self.path == "/large" else self.headers["host"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("", ${port}), Handler).serve_forever()
`;

let under: CloudUnderTest;

beforeAll(async () => {
  under = await CloudUnderTest.start({
    isolation: "container",
    settings: { SANDBANK_MAX_CONNECTIONS_PER_SANDBOX: "2" },
    metrics: true,
  });
});
afterAll(() => under.cloud.dispose());

async function ask(sandbox: Sandbox, path: string): Promise<{ status: number; body: string }> {
  const headers = { "E2b-Sandbox-Id": sandbox.sandboxId, "E2b-Sandbox-Port": String(port) };
  const request = httpRequest(new URL(path, under.sdk.sandboxUrl), { headers, agent: false }).end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of response.setEncoding("latin1")) body += String(chunk);
  return { status: response.statusCode ?? 0, body };
}

async function metric(name: string, labels: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${under.cloud.sparePort}/metrics`)).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name}{${labels}}`));
  return Number(line?.split(" ")[1]);
}

test("what was asked for incoming traffic outlives the service; traffic is counted and limited", async () => {
  const network = { maskRequestHost: "app.test:${PORT}" };
  const sandbox = await Sandbox.create("base", { ...under.sdk, timeoutMs: 120_000, network });
  await sandbox.files.write("program.py", program);
  await sandbox.commands.run("setsid python3 program.py >/dev/null 2>&1 &");
  const answer = await vi.waitFor(async () => {
    const reply = await ask(sandbox, "/");
    expect(reply.status).toBe(200);
    return reply;
  }, 30_000);
  expect(answer.body).toBe(`app.test:${port}`);

  process.kill(await under.servicePid(), "SIGKILL");
  await vi.waitFor(async () => expect(await under.cloud.status()).toBeUndefined(), 30_000);
  await under.up();
  expect((await ask(sandbox, "/")).body).toBe(`app.test:${port}`);
  expect((await Sandbox.getInfo(sandbox.sandboxId, under.sdk)).network).toEqual(network);

  const label = `sandbox="${sandbox.sandboxId}"`;
  const bytes = () => metric("sandbank_sandbox_traffic_bytes_total", `${label},direction="out"`);
  const before = await bytes();
  expect((await ask(sandbox, "/large")).body.length).toBe(3_000_000);
  expect((await bytes()) - before).toBeGreaterThan(3_000_000);

  const slow = [ask(sandbox, "/slow"), ask(sandbox, "/slow")];
  await vi.waitFor(async () => expect(await metric("sandbank_sandbox_connections", label)).toBe(2), 4_000);
  const refused = await ask(sandbox, "/");
  expect(refused.status).toBe(429);
  expect(JSON.parse(refused.body)).toMatchObject({ sandboxId: sandbox.sandboxId, connectionLimit: 2 });
  for (const { status } of await Promise.all(slow)) expect(status).toBe(200);
  await Sandbox.kill(sandbox.sandboxId, under.sdk);
  expect(await metric("sandbank_sandbox_connections", label)).toBeNaN();
}, 120_000);
