import { isIPv4, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { withTimeout } from "@sandbank/core/deadline";
import { AppError, errorText } from "@sandbank/core/errors";
import type { EgressProxy } from "@sandbank/protocol/egress-policy";
import { SocksClient } from "socks";
import type { Names } from "./names.ts";

/** To one address. */
const connectTimeoutMs = 10_000;
const maxAddresses = 4;
const proxyTimeoutMs = 20_000;

export interface Target {
  /** Name that the connection is for, when it was allowed by name; else the address. */
  host: string;
  port: number;
}

/** Rejects with `unavailable` when nobody answers. */
async function connectTo(address: string, port: number): Promise<Socket> {
  return withTimeout(`connection to ${address}:${port}`, connectTimeoutMs, async (signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const socket = new Socket({ allowHalfOpen: true });
    signal.addEventListener("abort", () => socket.destroy());
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.setNoDelay(true);
      resolve(socket);
    });
    socket.connect({ host: address, port });
    return promise;
  });
}

async function connectToFirst(addresses: readonly string[], port: number): Promise<Socket> {
  let last: unknown = "no address of it is allowed";
  for (const address of addresses.slice(0, maxAddresses)) {
    try {
      return await connectTo(address, port);
    } catch (error) {
      last = error;
    }
  }
  throw new AppError({ code: "unavailable", message: errorText(last), cause: last });
}

async function startTls(raw: Socket, { host, tls }: EgressProxy): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const name = tls?.serverName ?? host;
  const socket = connectTls({
    socket: raw,
    // An address is no server name; the certificate is checked for it all the same.
    ...(isIPv4(name) ? {} : { servername: name }),
    host: name,
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    rejectUnauthorized: true,
  });
  raw.on("error", (error) => socket.destroy(error));
  socket.once("error", reject);
  socket.once("secureConnect", () => {
    socket.off("error", reject);
    resolve(socket);
  });
  return promise;
}

/** Where a proxy is. Rejects with `unavailable` when its name leads nowhere, or inside. */
export const proxyAddresses = async (
  proxy: EgressProxy,
  names: Names,
  dnsServers: readonly string[] | undefined,
): Promise<string[]> => (isIPv4(proxy.host) ? [proxy.host] : names.resolve(proxy.host, dnsServers));

async function connectThrough(proxy: EgressProxy, addresses: string[], target: Target): Promise<Socket> {
  const raw = await connectToFirst(addresses, proxy.port);
  try {
    return await withTimeout("the SOCKS5 proxy", proxyTimeoutMs, async () => {
      const hop = proxy.tls ? await startTls(raw, proxy) : raw;
      // A proxy that closes has refused; a half-open connection would wait for what never comes.
      const onEnd = (): void => void hop.destroy(new Error("the proxy closed the connection"));
      hop.once("end", onEnd);
      const { socket } = await SocksClient.createConnection({
        command: "connect",
        destination: target,
        existing_socket: hop,
        proxy: {
          host: proxy.host,
          port: proxy.port,
          type: 5,
          ...(proxy.username === undefined ? {} : { userId: proxy.username, password: proxy.password ?? "" }),
        },
      });
      hop.off("end", onEnd);
      return socket;
    });
  } catch (error) {
    raw.destroy();
    throw new AppError({
      code: "unavailable",
      message: `the SOCKS5 proxy ${proxy.host}:${proxy.port} could not be used: ${errorText(error)}`,
      cause: error,
    });
  }
}

export interface Route {
  target: Target;
  /** Where the target is, as the node knows it; not asked for when a proxy does the looking up. */
  addresses: () => Promise<string[]>;
  proxy: EgressProxy | undefined;
  dnsServers: readonly string[] | undefined;
}

/** A connection that may be closed in one direction only. Never goes out directly when there is a proxy. */
export async function dial({ target, addresses, proxy, dnsServers }: Route, names: Names): Promise<Socket> {
  if (proxy) return connectThrough(proxy, await proxyAddresses(proxy, names, dnsServers), target);
  return connectToFirst(await addresses(), target.port);
}
