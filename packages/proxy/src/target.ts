import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { envdPort, headers } from "@sandbank/protocol/headers";
import { hostWithoutPort, parsePort, parseSandboxId, splitPortHost } from "@sandbank/protocol/host-name";
import type { SandboxDirectory } from "@sandbank/protocol/routing";
import type { EdgeError } from "./edge-error.ts";
import { signedFileAccess } from "./signed-url.ts";

/** Where a request wants to go. `own` is a request for the edge itself, such as its health check. */
export type Target =
  | { kind: "sandbox"; sandboxId: string; port: number }
  | { kind: "own" }
  | { kind: "error"; error: EdgeError };

const invalid = (message: string): Target => ({
  kind: "error",
  error: { status: 400, message, plain: true },
});

/**
 * Reads the target out of a request. A host name `{port}-{id}.…` decides by itself; on every other name (localhost,
 * addresses, `sandbox.…`, the name of a container) the routing headers do; a signed file URL without either finds its
 * sandbox by the signature.
 */
export function targetOf(request: IncomingMessage, directory: SandboxDirectory): Target {
  const hostname = hostWithoutPort(request.headers.host ?? "");
  const label = splitPortHost(hostname);
  if (label && parsePort(label.port) !== undefined && !hostname.startsWith("sandbox.")) {
    return fromParts(label.sandboxId, label.port, "host name");
  }
  const id = single(request.headers[headers.sandboxId]);
  const port = single(request.headers[headers.sandboxPort]);
  if (id !== undefined || port !== undefined) {
    if (id === undefined) return invalid("The header E2b-Sandbox-Id is missing");
    if (port === undefined) return invalid("The header E2b-Sandbox-Port is missing");
    return fromParts(id, port, "header E2b-Sandbox-Port");
  }
  return withoutIdentity(request, hostname, label, directory);
}

function fromParts(id: string, portText: string, source: string): Target {
  const sandboxId = parseSandboxId(id);
  if (sandboxId === undefined) return invalid("Invalid sandbox id");
  const port = parsePort(portText);
  if (port === undefined) return invalid(`Invalid port in the ${source}`);
  return { kind: "sandbox", sandboxId, port };
}

function withoutIdentity(
  request: IncomingMessage,
  hostname: string,
  label: { port: string } | undefined,
  directory: SandboxDirectory,
): Target {
  const url = request.url ?? "/";
  const signed = signedFileAccess(request.method ?? "GET", request.headers, url);
  if (signed) {
    const sandboxId = directory.findBySignature(signed.access, signed.signature);
    if (sandboxId !== undefined) return { kind: "sandbox", sandboxId, port: envdPort };
    const message = "invalid signature: no running sandbox has issued this URL";
    return { kind: "error", error: { status: 401, message } };
  }
  if (url === "/health" || url.startsWith("/health?")) return { kind: "own" };
  if (label && !hostname.startsWith("sandbox.") && isIP(hostname) === 0) {
    return invalid(`Invalid port in the host name: ${label.port}`);
  }
  return invalid(
    "The request names no sandbox: send the headers E2b-Sandbox-Id and E2b-Sandbox-Port, " +
      "or use the host name {port}-{sandbox id}.{domain}",
  );
}

const single = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(",") : value;
