import type { Server as HttpServer } from "node:http";
import { createServer, type Socket } from "node:net";
import { errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import type { Config } from "../config/env.ts";

const closePollMs = 20;

/** A second listener of an HTTP server. */
export interface Ipv6Loopback {
  /** Takes no more connections, lets requests under way finish for `graceMs`, then cuts them. */
  close(options: { graceMs: number }): Promise<void>;
}

/** `localhost` is both addresses; any other bind address is exactly what was asked for. */
export async function listenOnIpv6(
  { bindAddress, apiPort, proxyPort }: Config,
  { api, proxy }: { api: { server: HttpServer }; proxy: { server: HttpServer } },
  logger: Logger,
): Promise<Ipv6Loopback[]> {
  if (bindAddress !== "127.0.0.1") return [];
  const listeners = [
    await listenOnIpv6Loopback(api.server, apiPort, logger),
    await listenOnIpv6Loopback(proxy.server, proxyPort, logger),
  ];
  return listeners.filter((listener) => listener !== undefined);
}

/**
 * Lets a server that listens on 127.0.0.1 answer on ::1 too. `localhost` and the names below it lead to both, often to ::1 first:
 * some clients (Node 18) try nothing else, and whoever listened there instead would get what is meant for this cloud.
 * Undefined where that address is not to be had, which is in the log.
 */
export async function listenOnIpv6Loopback(
  http: HttpServer,
  port: number,
  logger: Logger,
): Promise<Ipv6Loopback | undefined> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    http.emit("connection", socket);
  });
  const { promise, resolve } = Promise.withResolvers<NodeJS.ErrnoException | undefined>();
  server.once("error", resolve);
  server.listen({ host: "::1", port, ipv6Only: true }, () => resolve(undefined));
  const failure = await promise;
  if (failure) {
    const isForeign = failure.code === "EADDRINUSE";
    const message = isForeign
      ? "another program listens on ::1: clients that go to localhost may reach it in place of this cloud"
      : "no listener on ::1";
    logger[isForeign ? "warn" : "info"]({ port, error: errorText(failure) }, message);
    return undefined;
  }
  server.on("error", (error) => logger.error({ port, error: errorText(error) }, "listener on ::1 failed"));
  return { close: ({ graceMs }) => close(http, server, sockets, graceMs) };
}

async function close(
  http: HttpServer,
  server: ReturnType<typeof createServer>,
  sockets: ReadonlySet<Socket>,
  graceMs: number,
): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  // Connections that end a request meanwhile would be kept for the next one.
  const sweep = setInterval(() => http.closeIdleConnections(), closePollMs);
  const cut = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, graceMs);
  try {
    await closed;
  } finally {
    clearInterval(sweep);
    clearTimeout(cut);
  }
}
