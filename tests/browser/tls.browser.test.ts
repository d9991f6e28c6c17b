import { execFile } from "node:child_process";
import { request } from "node:https";
import { once } from "node:events";
import { promisify } from "node:util";
import { Sandbox } from "e2b";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cloud, eventually } from "../sdk/js/cloud.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create("base", { timeoutMs: 1_800_000 });
  const program = `python3 -m http.server 50005 --directory /etc`;
  await sandbox.commands.run(program, { background: true, timeoutMs: 0 });
  await eventually(async () => (await sandbox.commands.run("ss -Hltn")).stdout.includes(":50005 "));
});
afterAll(async () => {
  await sandbox?.kill();
});

test("what sandbank env prints makes the SDK speak TLS", async () => {
  expect([cloud.apiUrl, cloud.proxyUrl].map((url) => new URL(url).protocol)).toEqual(["https:", "https:"]);
  expect((await sandbox.commands.run("echo over TLS")).stdout).toBe("over TLS\n");
  await sandbox.files.write("big", "x".repeat(5_000_000));
  expect((await sandbox.files.read("big")).length).toBe(5_000_000);
  const response = await fetch(await sandbox.downloadUrl("big"));
  expect((await response.arrayBuffer()).byteLength).toBe(5_000_000);
});

test("the URL that the SDK writes with https leads to its port", async () => {
  const url = sandbox.getMcpUrl().replace(/mcp$/, "hostname");
  expect(url).toMatch(/^https:\/\/50005-/);
  const response = await fetch(url);
  expect(response.status).toBe(200);
});

test("domain and key alone are enough", async () => {
  const program =
    `import { Sandbox } from "e2b"; const s = await Sandbox.create("base"); ` +
    `console.log((await s.commands.run("echo test")).stdout); await s.kill()`;
  const { E2B_API_URL: _api, E2B_SANDBOX_URL: _proxy, ...env } = process.env;
  const args = ["--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 60_000 });
  expect(stdout).toBe("test\n\n");
});

test("a stream that is cut ends with an error, not as if it were whole", async () => {
  const victim = await Sandbox.create("base", { timeoutMs: 300_000 });
  const server =
    "import socket\ns = socket.create_server(('', 8000))\nwhile 1:\n c = s.accept()[0]; c.recv(9999); c.sendall(b'HTTP/1.1 200 OK\\r\\n\\r\\npart')";
  await victim.files.write("server.py", server);
  await victim.commands.run("python3 server.py", { background: true, timeoutMs: 0 });
  const url = `https://${victim.getHost(8000)}/`;
  const answer = await connected(url);
  answer.resume();
  const failed = once(answer, "error");
  await victim.kill();
  expect(String((await failed)[0])).toMatch(/aborted|ECONNRESET/);
});

async function connected(url: string): Promise<import("node:http").IncomingMessage> {
  const endMs = performance.now() + 30_000;
  for (;;) {
    const [response] = await once(request(url, { agent: false }).end(), "response");
    if (response.statusCode === 200) return response;
    response.resume();
    if (performance.now() > endMs) throw new Error(`no service at ${url}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
