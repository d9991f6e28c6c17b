import { once } from "node:events";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createNetServer } from "node:net";
import type { Logger } from "@sandbank/core/logger";
import { silentLogger } from "@sandbank/core/logger";
import { expect, onTestFinished, test } from "vitest";
import { listenOnIpv6Loopback } from "./ipv6-loopback.ts";

async function started(): Promise<{ http: Server; port: number; finish: () => void }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const http = createServer((request, response) => {
    if (request.url === "/slow") void promise.then(() => response.end("late"));
    else response.end("at once");
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  onTestFinished(() => {
    http.close();
    http.closeAllConnections();
  });
  return { http, port: (http.address() as AddressInfo).port, finish: resolve };
}

async function ask(port: number, path: string): Promise<string> {
  const [response] = (await once(get({ host: "::1", port, path }), "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return text;
}

test("the same server answers on ::1; its end waits for requests, and not for idle connections", async () => {
  const { http, port, finish } = await started();
  const twin = await listenOnIpv6Loopback(http, port, silentLogger);
  expect(await ask(port, "/")).toBe("at once");
  const slow = ask(port, "/slow");
  await expect.poll(() => ask(port, "/")).toBe("at once");
  const end = twin?.close({ graceMs: 60_000 });
  finish();
  expect(await slow).toBe("late");
  await end;
  const refused = once(get({ host: "::1", port, agent: false }), "response");
  await expect(refused).rejects.toThrow("ECONNREFUSED");
});

test("what takes too long is cut", async () => {
  const { http, port } = await started();
  const twin = await listenOnIpv6Loopback(http, port, silentLogger);
  const silent = connect(port, "::1");
  await once(silent, "connect");
  const slow = ask(port, "/slow");
  // Handled below; until then it is nobody's.
  slow.catch(() => undefined);
  await expect.poll(() => ask(port, "/")).toBe("at once");
  await twin?.close({ graceMs: 50 });
  await expect(slow).rejects.toThrow(/hang up|ECONNRESET/);
});

test("a foreign listener there is a warning", async () => {
  const { http, port } = await started();
  const foreign = createNetServer().listen({ host: "::1", port, ipv6Only: true });
  await once(foreign, "listening");
  onTestFinished(() => void foreign.close());
  const warnings: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (_fields: unknown, message?: string) => void warnings.push(message ?? ""),
  };
  expect(await listenOnIpv6Loopback(http, port, logger)).toBeUndefined();
  expect(warnings).toEqual([expect.stringContaining("another program listens on ::1")]);
});
