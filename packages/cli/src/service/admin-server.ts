import { mkdir, rm } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { dirname } from "node:path";
import { errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";

export interface ServiceStatus {
  pid: number;
  version: string;
  isolation: string;
  driver: string;
  apiUrl: string;
  proxyUrl: string;
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

export interface AdminHandlers {
  status(): Promise<ServiceStatus>;
  sandboxes(): Promise<SandboxStatus[]>;
  /** `down` also ends every sandbox and takes everything back; `stop` leaves sandboxes running. */
  shutdown(mode: "down" | "stop"): void;
}

/** Listens on a unix socket that only root can open: the file's mode is the authentication. spec/admin.yml has the surface. */
export async function startAdminServer(
  socketPath: string,
  handlers: AdminHandlers,
  logger: Logger,
): Promise<Server> {
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o711 });
  // A socket file of a process that was killed would make listen fail; a living service is found before this.
  await rm(socketPath, { force: true });
  const routes: Record<string, (response: ServerResponse) => Promise<void>> = {
    "GET /v1/status": async (response) => sendJson(response, 200, await handlers.status()),
    "GET /v1/sandboxes": async (response) => sendJson(response, 200, await handlers.sandboxes()),
    "POST /v1/down": (response) => accept(response, () => handlers.shutdown("down")),
    "POST /v1/stop": (response) => accept(response, () => handlers.shutdown("stop")),
  };
  const server = createServer((request, response) => {
    const route = routes[`${request.method} ${request.url}`];
    if (!route) {
      sendJson(response, 404, { code: 404, message: `no such operation: ${request.method} ${request.url}` });
      return;
    }
    route(response).catch((error: unknown) => {
      logger.error({ url: request.url, error: errorText(error) }, "admin request failed");
      sendJson(response, 500, { code: 500, message: errorText(error) });
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

async function accept(response: ServerResponse, act: () => void): Promise<void> {
  sendJson(response, 202, {});
  // The answer leaves before the process that gives it does.
  await new Promise((resolve) => response.once("close", resolve));
  act();
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    connection: "close",
  });
  response.end(text);
}
