import { connect } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestApi } from "./testing/test-api.ts";

let t: TestApi;
beforeEach(async () => {
  t = await TestApi.start();
});
afterEach(() => t.close());

test("wrong and missing keys are 401, before anything of the body is looked at", async () => {
  for (const key of ["e2b_00", ""]) {
    const answer = await t.call("POST", "/v2/sandboxes", "{", { headers: { "x-api-key": key } });
    expect(answer.status).toBe(401);
    expect(answer.body).toEqual({ code: 401, message: expect.stringContaining("API key") as string });
  }
  const [key] = await t.store.apiKeys.list((await t.store.teams.ensure("default")).id);
  await t.store.apiKeys.delete(key?.teamId ?? "", key?.id ?? "");
  expect((await t.call("GET", "/sandboxes")).status).toBe(401);
});

test("a chunked body without a content type, and one with a wrong type, are read as JSON", async () => {
  const text = JSON.stringify({ templateID: "base" });
  const stream = new Blob([text]).stream();
  const chunked = await t.call("POST", "/v2/sandboxes", undefined, {
    body: stream,
    duplex: "half",
  });
  expect(chunked.status).toBe(201);
  const odd = await t.call("POST", "/v2/sandboxes", text, { headers: { "content-type": "text/plain" } });
  expect(odd.status).toBe(201);
});

test("a body over the limit and a broken URL are refused in the usual shape", async () => {
  const large = await fetch(`${t.url}/v2/sandboxes`, {
    method: "POST",
    headers: { "x-api-key": t.key },
    body: "x".repeat(2 * 1024 * 1024),
  });
  expect(await large.json()).toMatchObject({ code: 413 });
  const broken = await fetch(`${t.url}/sandboxes/%ZZ`, { headers: { "x-api-key": t.key } });
  expect(await broken.json()).toMatchObject({ code: 400 });
  const unknown = await t.call("GET", "/nothing/here");
  expect(unknown.body).toEqual({ code: 404, message: "No such operation: GET /nothing/here" });
});

test("empty answers have no chunked body, and CORS is open", async () => {
  const id = await t.create();
  const raw = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(new URL(t.url).port), "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
    socket.end(
      `DELETE /sandboxes/${id} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${t.key}\r\nOrigin: http://a\r\nConnection: close\r\n\r\n`,
    );
  });
  expect(raw).toMatch(/^HTTP\/1.1 204 /);
  expect(raw.toLowerCase()).not.toContain("transfer-encoding");
  expect(raw.toLowerCase()).toContain("access-control-allow-origin: *");
  expect(raw.toLowerCase()).toContain("access-control-expose-headers: x-next-token, x-total-running");
  const preflight = await fetch(`${t.url}/sandboxes/${id}`, {
    method: "OPTIONS",
    headers: {
      origin: "http://a",
      "access-control-request-method": "DELETE",
      "access-control-request-headers": "x-api-key",
    },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-headers")).toBe("x-api-key");
});

test("health, and what is not there yet", async () => {
  expect((await fetch(`${t.url}/health`)).status).toBe(204);
  const id = await t.create();
  for (const [method, path] of [
    ["POST", `/sandboxes/${id}/pause`],
    ["POST", `/sandboxes/${id}/resume`],
    ["POST", `/sandboxes/${id}/fork`],
    ["POST", `/sandboxes/${id}/snapshots`],
    ["GET", "/snapshots"],
    ["POST", "/v3/templates"],
  ] as const) {
    const answer = await t.call(method, path, method === "GET" ? undefined : {});
    expect(answer.status).toBe(501);
    expect(answer.body["message"]).toContain("not available yet");
  }
  const strangers = await t.call("POST", "/v3/templates", {}, { headers: { "x-api-key": "no" } });
  expect(strangers.status).toBe(401);
});
