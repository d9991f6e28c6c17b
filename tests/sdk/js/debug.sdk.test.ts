import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Sandbox } from "e2b";
import { afterAll, expect, test } from "vitest";
import { ask, cloud } from "./cloud.ts";

const debug = { debug: true, sandboxUrl: cloud.proxyUrl };

async function debugSandboxes(): Promise<string[]> {
  const page = Sandbox.list({ query: { metadata: { sandbank: "debug" } } });
  return (await page.nextItems()).map(({ sandboxId }) => sandboxId);
}

afterAll(async () => {
  for (const id of await debugSandboxes()) await Sandbox.kill(id);
});

test("clients in debug mode share one sandbox, which is made when the first one comes", async () => {
  const [one, two] = [await Sandbox.create(debug), await Sandbox.create(debug)];
  const outputs = await Promise.all(
    [one, two].map(async (sandbox) => (await sandbox.commands.run("echo $E2B_SANDBOX_ID; whoami")).stdout),
  );
  expect(outputs[0]).toBe(outputs[1]);
  const ids = await debugSandboxes();
  expect(ids.length).toBe(1);
  expect(outputs[0]).toBe(`${ids[0]}\nuser\n`);
  await one.files.write("shared.txt", "seen by all");
  expect(await two.files.read("shared.txt")).toBe("seen by all");
  expect(await one.isRunning()).toBe(true);
  // A URL of a client without a token has neither signature nor headers.
  const url = await two.downloadUrl("shared.txt");
  expect((await ask(url)).body).toBe("seen by all");
});

test("after its end the next client gets a new one", async () => {
  const [before] = await debugSandboxes();
  expect(await Sandbox.kill(before ?? "")).toBe(true);
  const sandbox = await Sandbox.create(debug);
  expect((await sandbox.commands.run("echo again")).stdout).toBe("again\n");
  const [after] = await debugSandboxes();
  expect(after).toBeDefined();
  expect(after).not.toBe(before);
});

test("pages and other users get none", async () => {
  const url = `${cloud.proxyUrl}/files?path=shared.txt`;
  const id = { "E2b-Sandbox-Id": "debug_sandbox_id", "E2b-Sandbox-Port": "49983" };
  expect((await ask(url, { headers: { ...id, origin: "https://example.com" } })).status).toBe(400);
  expect((await ask(url, { headers: { "sec-fetch-site": "cross-site" } })).status).toBe(400);
  expect((await ask(url, { headers: { ...id, host: "rebound.example" } })).status).toBe(400);
  const arguments_ = [
    "-sS",
    "-o",
    "/dev/null",
    "-w",
    "%{http_code}",
    "-H",
    "E2b-Sandbox-Id: debug_sandbox_id",
    url,
  ];
  const nobody = await promisify(execFile)("curl", arguments_, { uid: 65_534, gid: 65_534 });
  expect(nobody.stdout).toBe("403");
});
