import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from "node:http";
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { silentLogger } from "@sandbank/core/logger";
import type { SandboxDirectory, SandboxRoute } from "@sandbank/protocol/routing";
import type { SignedFileAccess } from "@sandbank/protocol/signature";
import { createProxy, type Proxy, type ProxyOptions } from "../server.ts";

/** A directory in memory. */
export class FakeDirectory implements SandboxDirectory {
  readonly #routes = new Map<string, SandboxRoute>();
  readonly #listeners = new Set<(sandboxId: string) => void>();
  /** Sandbox id by signature. */
  readonly signatures = new Map<string, string>();
  asked: SignedFileAccess[] = [];

  add(route: SandboxRoute): SandboxRoute {
    this.#routes.set(route.sandboxId, route);
    return route;
  }

  lookup(sandboxId: string): SandboxRoute | undefined {
    return this.#routes.get(sandboxId);
  }

  findBySignature(access: SignedFileAccess, signature: string): string | undefined {
    this.asked.push(access);
    return this.signatures.get(signature);
  }

  onGone(listener: (sandboxId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  end(sandboxId: string): void {
    this.#routes.delete(sandboxId);
    for (const listener of this.#listeners) listener(sandboxId);
  }
}

export const sandboxId = "iaaaaaaaaaaaaaaaaaaaa";
const { pid } = process;
/** Stands for the sandbox's address on the host. This process's own: files run side by side, and all daemons have one port. */
export const hostAddress = `127.${64 + ((pid >> 16) & 63)}.${(pid >> 8) & 255}.${pid & 255}`;

export interface TestEdge extends AsyncDisposable {
  directory: FakeDirectory;
  proxy: Proxy;
  port: number;
}

/** A proxy on a free port that knows one sandbox at `hostAddress`. */
export async function startEdge(
  options: Partial<ProxyOptions> & Partial<SandboxRoute> = {},
): Promise<TestEdge> {
  const directory = new FakeDirectory();
  const { trafficTokenHash, maskRequestHost, httpsPorts, ...rest } = options;
  directory.add({ sandboxId, hostAddress, trafficTokenHash, maskRequestHost, httpsPorts });
  const proxy = createProxy({ directory, logger: silentLogger, ...rest });
  const { port } = await proxy.listen({ host: "127.0.0.1", port: 0 });
  return { directory, proxy, port, [Symbol.asyncDispose]: () => proxy.close({ graceMs: 0 }) };
}

export interface TestService extends AsyncDisposable {
  server: Server;
  port: number;
  /** Connections taken so far. */
  connections: () => number;
}

/** A service "inside the sandbox". */
export async function startService(listener: RequestListener, port = 0): Promise<TestService> {
  const server = createServer({ maxHeaderSize: 1024 * 1024 }, listener);
  let connections = 0;
  server.on("connection", () => connections++);
  server.listen(port, hostAddress);
  await once(server, "listening");
  return {
    server,
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** A service that speaks bytes. */
export async function startTcpService(
  onSocket: (socket: Socket) => void,
): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // Tests end connections in rough ways on purpose; what they check is seen at the other end.
    socket.on("error", () => undefined);
    onSocket(socket);
  });
  server.listen(0, hostAddress);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

export interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  rawHeaders: string[];
  body: string;
}

export interface SendOptions {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** Routing headers of a port of the one sandbox. */
export const to = (port: number, id = sandboxId): Record<string, string> => ({
  "E2b-Sandbox-Id": id,
  "E2b-Sandbox-Port": String(port),
});

export async function send(edge: { port: number }, options: SendOptions = {}): Promise<Answer> {
  const { method = "GET", path = "/", headers = {}, body } = options;
  const request = httpRequest({ host: "127.0.0.1", port: edge.port, method, path, headers, agent: false });
  request.end(body);
  // What comes after the answer is not the test's: the service may not have read all of the body.
  request.on("response", () => request.on("error", () => undefined));
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body: text,
  };
}

/** Sends `text` as it is and gives everything that comes back until the connection ends. */
export async function sendRaw(edge: { port: number }, text: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port: edge.port });
  socket.write(text.replaceAll("\n", "\r\n"));
  let answer = "";
  for await (const chunk of socket.setEncoding("latin1")) answer += chunk;
  return answer;
}
