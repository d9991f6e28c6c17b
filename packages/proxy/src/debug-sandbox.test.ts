import { AppError } from "@sandbank/core/errors";
import { headers } from "@sandbank/protocol/headers";
import { expect, test } from "vitest";
import { sandboxId, send, startEdge, startService } from "./testing/harness.ts";

const service = await startService((request, response) => {
  response.end(`${request.url} ${request.rawHeaders.includes("debug_sandbox_id")}`);
});
const debugId = { [headers.sandboxId]: "debug_sandbox_id" };
const port = { [headers.sandboxPort]: String(service.port) };

async function edgeWith(open: () => Promise<string>): Promise<Awaited<ReturnType<typeof startEdge>>> {
  return startEdge({ openDebugSandbox: open });
}

test("a client in debug mode reaches the sandbox that is opened for it", async () => {
  await using edge = await edgeWith(() => Promise.resolve(sandboxId));
  const answer = await send(edge, { path: "/x", headers: { ...debugId, ...port } });
  expect(answer).toMatchObject({ status: 200, body: "/x true" });
});

test.each(["/files?path=a&username=user", "/process.Process/Start", "/envs"])(
  "%s without any identity goes to its daemon",
  async (path) => {
    // envd's port of the sandbox's address.
    await using envd = await startService((request, response) => response.end(request.url), 49_983);
    await using edge = await edgeWith(() => Promise.resolve(sandboxId));
    expect(await send(edge, { path, headers: { host: "localhost:49983" } })).toMatchObject({
      status: 200,
      body: path,
    });
    expect(envd.connections()).toBe(1);
  },
);

test.each([
  ["a page", { ...debugId, ...port, origin: "https://example.com" }],
  ["an image in a page", { ...port, ...debugId, "sec-fetch-site": "cross-site" }],
  ["a name that was rebound", { ...debugId, ...port, host: "attacker.example:49983" }],
  ["a proxy", { ...debugId, ...port, "x-forwarded-for": "203.0.113.9" }],
])("%s opens nothing", async (_what, sent) => {
  let opened = 0;
  await using edge = await edgeWith(() => {
    opened++;
    return Promise.resolve(sandboxId);
  });
  expect((await send(edge, { headers: sent })).status).toBe(400);
  expect(
    (await send(edge, { path: "/files?path=a", headers: { ...sent, [headers.sandboxId]: "" } })).status,
  ).toBe(400);
  expect(opened).toBe(0);
});

test("others are as without it: health, unknown paths, signed URLs, other sandboxes, and all when it is off", async () => {
  let opened = 0;
  await using edge = await edgeWith(() => {
    opened++;
    return Promise.resolve(sandboxId);
  });
  expect((await send(edge, { path: "/health" })).status).toBe(204);
  expect((await send(edge, { path: "/" })).status).toBe(400);
  expect((await send(edge, { path: "/files?path=a&signature=v1_x" })).status).toBe(401);
  expect((await send(edge, { headers: { [headers.sandboxId]: "iother", ...port } })).status).toBe(502);
  expect(opened).toBe(0);
  await using plain = await startEdge();
  expect((await send(plain, { headers: { ...debugId, ...port } })).status).toBe(400);
});

test("a refusal is answered with its reason", async () => {
  const refused = new AppError({ code: "permission_denied", message: "not for you" });
  await using edge = await edgeWith(() => Promise.reject(refused));
  const answer = await send(edge, { headers: { ...debugId, ...port } });
  expect(answer.status).toBe(403);
  expect(JSON.parse(answer.body)).toMatchObject({ message: "not for you" });
});

test("a client that leaves while its sandbox starts leaves nothing", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  await using edge = await edgeWith(() => promise);
  const signal = AbortSignal.timeout(50);
  const sent = fetch(`http://127.0.0.1:${edge.port}/x`, { headers: { ...debugId, ...port }, signal });
  await expect(sent).rejects.toThrow();
  resolve(sandboxId);
  expect((await send(edge, { headers: { ...debugId, ...port } })).status).toBe(200);
});
