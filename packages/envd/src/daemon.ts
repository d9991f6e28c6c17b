import type { Server } from "node:http";
import type { Logger } from "@sandbank/core/logger";
import { withCollection } from "./files/bulk.ts";
import { compose } from "./files/compose.ts";
import { download } from "./files/download.ts";
import { upload } from "./files/upload.ts";
import { EntryReader } from "./filesystem/entry.ts";
import { filesystemMethods } from "./filesystem/filesystem-methods.ts";
import { watchMethods } from "./filesystem/watch-methods.ts";
import { init } from "./http/init.ts";
import { MetricsReader } from "./http/metrics.ts";
import { sendJson } from "./http/reply.ts";
import { createHttpServer, type Exchange, healthRoute, type Route } from "./http/server.ts";
import { ProcessManager } from "./process/process-manager.ts";
import { processMethods } from "./process/process-methods.ts";
import { RpcDispatcher } from "./rpc/dispatch.ts";
import type { Runtime } from "./runtime/runtime.ts";
import { SandboxState } from "./state.ts";
import { setClock } from "./system/clock.ts";
import { UserDatabase } from "./system/users.ts";
import { MetadataStore } from "./system/xattr.ts";

export interface DaemonOptions {
  runtime: Runtime;
  logger: Logger;
  /** For calls that name no user, until /init sets one. */
  defaultUser?: string | undefined;
  /** Step the machine's clock when /init says it is off: for guests that own their clock. */
  ownsClock?: boolean | undefined;
}

/** The whole daemon behind one server, not listening yet. */
export function createDaemon({ runtime, logger, defaultUser, ownsClock }: DaemonOptions): Server {
  const state = new SandboxState(new UserDatabase(), defaultUser);
  const metadata = new MetadataStore(runtime.libc);
  const processes = new ProcessManager(runtime, state, logger);
  const metrics = new MetricsReader();
  const clock = ownsClock ? (ms: number) => setClock(runtime.libc, ms) : undefined;
  const bulk = (serve: (exchange: Exchange) => Promise<void>) => (exchange: Exchange) =>
    withCollection(
      exchange,
      () => runtime.collectGarbage(),
      () => serve(exchange),
    );
  const routes = new Map<string, Route>([
    ["GET /health", healthRoute],
    ["POST /init", { auth: "own", run: ({ request, response }) => init(request, response, state, clock) }],
    ["GET /envs", { auth: "token", run: ({ response }) => sendJson(response, 200, state.envVars) }],
    ["GET /metrics", { auth: "token", run: ({ response }) => sendJson(response, 200, metrics.read()) }],
    ["GET /files", { auth: "own", run: bulk((exchange) => download(exchange, state)) }],
    ["POST /files", { auth: "own", run: bulk((exchange) => upload(exchange, state, metadata)) }],
    ["POST /files/compose", { auth: "token", run: (exchange) => compose(exchange, state) }],
  ]);
  const entries = new EntryReader(state.users, metadata);
  const methods = new Map([
    ...processMethods(processes, logger),
    ...filesystemMethods(state, entries),
    ...watchMethods(runtime, state, entries),
  ]);
  return createHttpServer(routes, new RpcDispatcher(methods, state, logger), state, logger);
}
