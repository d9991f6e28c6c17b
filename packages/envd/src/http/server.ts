import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { headers } from "@sandbank/protocol/headers";
import type { RpcDispatcher } from "../rpc/dispatch.ts";
import type { SandboxState } from "../state.ts";
import { applyCors } from "./cors.ts";
import { HttpError, sendEmpty, sendError } from "./reply.ts";
import { toHttpError } from "./to-http-error.ts";

export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  query: URLSearchParams;
}

export interface Route {
  /** `own`: the handler checks the token itself. */
  auth: "none" | "token" | "own";
  run(exchange: Exchange): void | Promise<void>;
}

/** By method and path, such as `GET /health`. */
export type Routes = ReadonlyMap<string, Route>;

/** The proxy in front gives up an idle connection after 620 s; this end must not be first. */
const idleTimeoutMs = 640_000;
const headersTimeoutMs = 60_000;

/** The daemon's server; not listening yet. */
export function createHttpServer(
  routes: Routes,
  rpc: RpcDispatcher,
  state: SandboxState,
  logger: Logger,
): Server {
  const server = createServer((request, response) => {
    // A client that goes away is noticed where something is written; nobody needs the error twice.
    response.on("error", () => undefined);
    handle({ request, response, routes, rpc, state }).catch((error: unknown) => {
      // The client went away within its request: nobody is left to tell.
      if (request.destroyed && !request.complete) {
        response.destroy();
        return;
      }
      const known = toHttpError(error);
      if (known.status === 500) logger.error({ error: errorText(error), url: request.url }, "request failed");
      sendError(response, known);
    });
  });
  server.keepAliveTimeout = idleTimeoutMs;
  server.headersTimeout = headersTimeoutMs;
  // Uploads and input streams may last as long as they like.
  server.requestTimeout = 0;
  server.timeout = 0;
  return server;
}

async function handle(context: {
  request: IncomingMessage;
  response: ServerResponse;
  routes: Routes;
  rpc: RpcDispatcher;
  state: SandboxState;
}): Promise<void> {
  const { request, response, routes, rpc, state } = context;
  if (applyCors(request, response)) return;
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const method = request.method === "HEAD" ? "GET" : request.method;
  const route = routes.get(`${method} ${path}`);
  const auth = route?.auth ?? "token";
  if (auth === "token" && !state.tokenMatches(request.headers[headers.accessToken] as string | undefined)) {
    throw new HttpError(401, "unauthorized access: the access token is missing or wrong");
  }
  if (route) {
    await route.run({ request, response, query: new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1)) });
  } else if (!rpc.handle(path, request, response)) {
    throw isKnownPath(routes, path)
      ? new HttpError(405, "method not allowed")
      : new HttpError(404, "there is nothing at this path");
  }
}

function isKnownPath(routes: Routes, path: string): boolean {
  return ["GET", "POST"].some((method) => routes.has(`${method} ${path}`));
}

/** The routes that need nothing but an answer. */
export const healthRoute: Route = { auth: "none", run: ({ response }) => sendEmpty(response) };
