import { once } from "node:events";
import { Sandbox } from "e2b";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { ask, cloud, eventually, to, webSocketEcho } from "./cloud.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create("base", { timeoutMs: 1_800_000 });
  await sandbox.files.write("site/hello.txt", "hello from inside");
  await sandbox.commands.run("python3 -m http.server 8000 --directory site", {
    background: true,
    timeoutMs: 0,
  });
  await eventually(
    async () => (await ask(cloud.proxyUrl, { headers: to(sandbox.sandboxId, 8000) })).status === 200,
  );
});
afterAll(async () => {
  await sandbox?.kill();
});

test("a web server by headers and by host name", async () => {
  const url = `${cloud.proxyUrl}/hello.txt`;
  expect((await ask(url, { headers: to(sandbox.sandboxId, 8000) })).body).toBe("hello from inside");
  const host = sandbox.getHost(8000);
  expect(host).toBe(`8000-${sandbox.sandboxId}.${cloud.domain}`);
  expect((await ask(url, { headers: { host } })).body).toBe("hello from inside");
});

test("a closed port", async () => {
  const answer = await ask(cloud.proxyUrl, { headers: to(sandbox.sandboxId, 9) });
  expect(answer.status).toBe(502);
  expect(JSON.parse(answer.body)).toEqual({
    sandboxId: sandbox.sandboxId,
    message: "The sandbox is running but port is not open",
    port: 9,
    code: 502,
  });
});

test("a WebSocket by headers and by host name", async () => {
  await sandbox.files.write("ws.py", await webSocketEcho());
  await sandbox.commands.run("python3 ws.py 8003", { background: true, timeoutMs: 0 });
  const url = cloud.proxyUrl.replace("http", "ws");
  for (const headers of [to(sandbox.sandboxId, 8003), { host: sandbox.getHost(8003) }]) {
    const reply = await eventually(async () => {
      const socket = new WebSocket(url, { headers });
      try {
        await once(socket, "open");
        socket.send("echo me");
        return String((await once(socket, "message"))[0]);
      } catch {
        // The server may not listen yet.
        return undefined;
      } finally {
        socket.terminate();
      }
    });
    expect(reply).toBe("echo me");
  }
});
