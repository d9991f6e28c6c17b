import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { toAppError } from "@sandbank/core/errors";
import { httpStatusOf } from "@sandbank/protocol/error-tables";
import { envdPort, headers } from "@sandbank/protocol/headers";
import { hostWithoutPort } from "@sandbank/protocol/host-name";
import { sendError } from "./edge-error.ts";

/** Gives the id of the sandbox that clients in debug mode share; rejects with AppError when this one gets none. */
export type OpenDebugSandbox = (client: Socket) => Promise<string>;

/** What E2B's clients call their sandbox in debug mode, without having asked anybody. */
const debugSandboxId = "debug_sandbox_id";

const thisMachine = new Set(["localhost", "127.0.0.1", "[::1]"]);
/**
 * What every browser adds to requests of pages, and what forwarding programs add: neither is a client in debug mode.
 * (Node's fetch adds sec-fetch-mode, but not sec-fetch-site.)
 */
const foreignMarks = [
  "origin",
  "referer",
  "sec-fetch-site",

  "x-forwarded-for",
  "forwarded",
  "via",
];
const envdRoute = /^\/(files|envs|metrics|(process\.Process|filesystem\.Filesystem)\/\w+)(\?|$)/;

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** Serves requests of clients in debug mode as if they had named the sandbox that `open` gives; all others as they are. */
export function withDebugSandbox(open: OpenDebugSandbox | undefined, serve: Listener): Listener {
  if (!open) return serve;
  return (request, response) => {
    if (!isDebugRequest(request)) {
      serve(request, response);
      return;
    }
    open(request.socket).then(
      (sandboxId) => {
        // The client may have gone while its sandbox started.
        if (response.closed) return;
        request.headers[headers.sandboxId] = sandboxId;
        request.headers[headers.sandboxPort] ??= String(envdPort);
        serve(request, response);
      },
      (error: unknown) => {
        if (response.closed) return;
        const { code, message } = toAppError(error);
        sendError(request, response, { status: httpStatusOf[code], message, sandboxId: debugSandboxId });
      },
    );
  };
}

function isDebugRequest({ headers: given, url = "/" }: IncomingMessage): boolean {
  const id = given[headers.sandboxId];
  const namesNone = id === undefined && given[headers.sandboxPort] === undefined;
  if (id !== debugSandboxId && !(namesNone && envdRoute.test(url))) return false;
  // A signed URL has its own sandbox.
  if (namesNone && /[?&]signature=/.test(url)) return false;
  // Not by another name that leads here, as a page that rebinds its own would have it.
  if (!thisMachine.has(hostWithoutPort(given.host ?? ""))) return false;
  return foreignMarks.every((name) => given[name] === undefined);
}
