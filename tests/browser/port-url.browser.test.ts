import { Sandbox } from "e2b";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, cloud, eventually, to, webSocketEcho } from "../sdk/js/cloud.ts";
import { startBrowser } from "./chromium.ts";

const authorityFile = process.env["SANDBANK_TEST_AUTHORITY"];
const pagePort = 8000;
const echoPort = 8003;

/** Loads, opens a WebSocket to the same sandbox's other port, and shows what came back as its title. */
const page = `<!doctype html><title>waiting</title><h1>hello from inside</h1><script>
const socket = new WebSocket(location.href.replace(/^http/, "ws").replace("//${pagePort}-", "//${echoPort}-"))
socket.onopen = () => socket.send("echo me")
socket.onmessage = ({ data }) => { document.title = data }
socket.onerror = () => { document.title = "failed" }
</script>`;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create("base", { timeoutMs: 1_800_000 });
  await sandbox.files.write("site/index.html", page);
  await sandbox.files.write("ws.py", await webSocketEcho());
  const background = { background: true, timeoutMs: 0 } as const;
  await sandbox.commands.run(`python3 -m http.server ${pagePort} --directory site`, background);
  await sandbox.commands.run(`python3 ws.py ${echoPort}`, background);
  await eventually(async () => {
    const ports = await sandbox.commands.run("ss -Hltn");
    return [pagePort, echoPort].every((port) => ports.stdout.includes(`:${port} `));
  });
});
afterAll(async () => {
  await sandbox?.kill();
});

test.each([
  ["http", undefined],
  ["https", "Sandbank localhost"],
])("a page of a sandbox over %s, with a WebSocket", async (scheme, issuer) => {
  await using started = await startBrowser(authorityFile);
  const tab = await started.browser.newPage();
  const response = await tab.goto(`${scheme}://${sandbox.getHost(pagePort)}/`, { timeout: 30_000 });
  expect(response?.status()).toBe(200);
  expect(await tab.content()).toContain("hello from inside");
  await tab.waitForFunction('document.title !== "waiting"', { timeout: 10_000 });
  expect(await tab.title()).toBe("echo me");
  expect(response?.securityDetails()?.issuer().slice(0, issuer?.length)).toBe(issuer);
});

test("a browser that does not trust the authority refuses, and a page can't use the sandbox of debug clients", async () => {
  await using started = await startBrowser();
  const tab = await started.browser.newPage();
  await expect(tab.goto(`https://${sandbox.getHost(pagePort)}/`)).rejects.toThrow(
    "ERR_CERT_AUTHORITY_INVALID",
  );
  await tab.goto(`http://${sandbox.getHost(pagePort)}/`);
  const proxy = `http://localhost:${new URL(cloud.proxyUrl).port}`;
  const attempts = [
    `fetch("${proxy}/files?path=/etc/passwd", { mode: "no-cors" })`,
    `fetch("${proxy}/files?path=/tmp/x", { mode: "no-cors", method: "POST", body: "x" })`,
    `fetch("${proxy}/envs", { headers: { "E2b-Sandbox-Id": "debug_sandbox_id", "E2b-Sandbox-Port": "49983" } })`,
    `new Promise((done) => { const image = new Image(); image.onerror = done; image.src = "${proxy}/envs" })`,
  ];
  for (const attempt of attempts) await tab.evaluate(`${attempt}.then(() => 1, () => 0)`);
  const listed = Sandbox.list({ query: { metadata: { sandbank: "debug" } } });
  expect(await listed.nextItems()).toEqual([]);
  // The proof that it would have been there.
  const { status } = await ask(`${proxy}/envs`, { headers: to("debug_sandbox_id", 49_983) });
  expect(status).toBe(200);
  const [debug] = await Sandbox.list({ query: { metadata: { sandbank: "debug" } } }).nextItems();
  expect(await Sandbox.kill(debug?.sandboxId ?? "")).toBe(true);
});
