import { envdPort } from "@sandbank/protocol/headers";
import { expect, test } from "vitest";
import { sandboxId, send, startEdge, startService, startTcpService, to } from "./testing/harness.ts";

test("a daemon that can't be reached is reported once a request, a program's closed port is not", async () => {
  const unreachable: string[] = [];
  await using edge = await startEdge({ onUnreachable: (id) => void unreachable.push(id) });
  const closed = await startService(() => undefined);
  await closed[Symbol.asyncDispose]();
  expect((await send(edge, { headers: to(closed.port) })).status).toBe(502);
  expect(unreachable).toEqual([]);
  expect((await send(edge, { path: "/health", headers: to(envdPort) })).status).toBe(502);
  expect(unreachable).toEqual([sandboxId]);
});

test("a program that ends its connections unanswered is its own affair", async () => {
  const unreachable: string[] = [];
  await using edge = await startEdge({ onUnreachable: (id) => void unreachable.push(id) });
  await using service = await startTcpService((socket) => socket.destroy());
  expect((await send(edge, { method: "POST", headers: to(service.port), body: "x" })).status).toBe(502);
  expect(unreachable).toEqual([]);
});
