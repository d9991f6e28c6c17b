import { mkdir, rm } from "node:fs/promises";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { dirname } from "node:path";
import { AppError, errorText, toAppError } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { httpStatusOf } from "@sandbank/protocol/error-tables";

/** How clients reach a cloud that speaks TLS. */
export interface TlsStatus {
  apiUrl: string;
  proxyUrl: string;
  /** Set when the certificates are of a local authority. */
  trust?: {
    /** The authority's certificate alone. */
    authorityFile: string;
    /** With what programs here trust already, for those that take one file for everything. */
    bundleFile: string;
    /** For Node, which adds one file to what it trusts already. */
    nodeFile: string;
  };
  /** What will not work as it is. */
  warnings: string[];
}

export interface ServiceStatus {
  pid: number;
  version: string;
  isolation: string;
  driver: string;
  apiUrl: string;
  proxyUrl: string;
  tls?: TlsStatus;
  domain: string;
  startedAt: string;
  sandboxCount: number;
}

export interface SandboxStatus {
  sandboxID: string;
  templateID: string;
  isolation: string;
  driver: string;
  state: string;
  startedAt: string;
  endAt: string;
  hostAddress: string;
  pid: number;
}

export interface AdminRequest {
  params: Record<string, string | undefined>;
  query: URLSearchParams;
  /** Parsed; undefined when there was none. */
  body: unknown;
}

/** One more operation of the socket; AppErrors become answers. */
export interface AdminRoute {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  /** With `:name` for a segment. */
  path: string;
  run(request: AdminRequest): Promise<{ status: number; body: unknown }>;
}

const maxBodyBytes = 64 * 1024;

export interface AdminHandlers {
  status(): Promise<ServiceStatus>;
  sandboxes(): Promise<SandboxStatus[]>;
  /** For Prometheus. */
  metrics(): Promise<{ contentType: string; text: string }>;
  /** `down` also ends every sandbox and takes everything back; `stop` leaves sandboxes running. */
  shutdown(mode: "down" | "stop"): void;
}

/** Listens on a unix socket that only root can open: the file's mode is the authentication. spec/admin.yml has the surface. */
export async function startAdminServer(
  socketPath: string,
  handlers: AdminHandlers,
  more: AdminRoute[],
  logger: Logger,
): Promise<Server> {
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o711 });
  // A socket file of a process that was killed would make listen fail; a living service is found before this.
  await rm(socketPath, { force: true });
  const routes: Record<string, (response: ServerResponse) => Promise<void>> = {
    "GET /v1/status": async (response) => sendJson(response, 200, await handlers.status()),
    "GET /v1/sandboxes": async (response) => sendJson(response, 200, await handlers.sandboxes()),
    "GET /v1/metrics": async (response) => {
      const { contentType, text } = await handlers.metrics();
      send(response, 200, contentType, text);
    },
    "POST /v1/down": (response) => accept(response, () => handlers.shutdown("down")),
    "POST /v1/stop": (response) => accept(response, () => handlers.shutdown("stop")),
  };
  const answer = answerMore(more);
  const server = createServer((request, response) => {
    const route = routes[`${request.method} ${request.url}`];
    const answered = route ? route(response) : answer(request, response);
    answered.catch((error: unknown) => {
      const app = toAppError(error, errorText(error));
      if (app.code === "internal") {
        logger.error({ url: request.url, error: errorText(error) }, "admin request failed");
      }
      const code = httpStatusOf[app.code];
      sendJson(response, code, { code, error: app.code, message: app.message });
    });
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const before = process.umask(0o177);
  server.once("error", reject);
  server.listen(socketPath, resolve);
  try {
    await promise;
  } finally {
    process.umask(before);
  }
  return server;
}

/** Finds the route of a request, reads its body, sends what the route gives. */
function answerMore(
  routes: AdminRoute[],
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const patterns = routes.map((route) => ({ route, pattern: new URLPattern({ pathname: route.path }) }));
  return async (request, response) => {
    const url = new URL(request.url ?? "/", "http://admin");
    for (const { route, pattern } of patterns) {
      const found = route.method === request.method ? pattern.exec(url) : null;
      if (!found) continue;
      const params = Object.fromEntries(
        Object.entries(found.pathname.groups).map(([name, value]) => [name, decodeURIComponent(value ?? "")]),
      );
      const body = await readJson(request);
      const { status, body: answer } = await route.run({ params, query: url.searchParams, body });
      sendJson(response, status, answer);
      return;
    }
    const message = `no such operation: ${request.method} ${request.url}`;
    throw new AppError({ code: "not_found", message });
  };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes)
      throw new AppError({ code: "invalid_argument", message: "the body is too large" });
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    throw new AppError({ code: "invalid_argument", message: "the body is not JSON", cause: error });
  }
}

async function accept(response: ServerResponse, act: () => void): Promise<void> {
  sendJson(response, 202, {});
  // The answer leaves before the process that gives it does.
  await new Promise((resolve) => response.once("close", resolve));
  act();
}

const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  send(response, status, "application/json", JSON.stringify(body));

function send(response: ServerResponse, status: number, contentType: string, text: string): void {
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(text),
    connection: "close",
  });
  response.end(text);
}
