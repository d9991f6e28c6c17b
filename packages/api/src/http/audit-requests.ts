import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { AuditLog } from "../audit.ts";

const readMethods = new Set(["GET", "HEAD", "OPTIONS"]);

/** Sandboxes made by requests that are not answered yet. */
const made = new WeakMap<FastifyRequest, string>();

const isAudited = (request: FastifyRequest): boolean =>
  (request.caller !== undefined || request.isOperator) && !readMethods.has(request.method);

function sandboxInAnswer(payload: unknown): string | undefined {
  if (typeof payload !== "string" || !payload.startsWith("{")) return undefined;
  const { sandboxID } = JSON.parse(payload) as { sandboxID?: unknown };
  return typeof sandboxID === "string" ? sandboxID : undefined;
}

function outcomeOf(reply: FastifyReply): "done" | "refused" | "failed" {
  if (reply.statusCode < 400) return "done";
  return reply.statusCode < 500 ? "refused" : "failed";
}

function writeEntry(audit: AuditLog, request: FastifyRequest, reply: FastifyReply): void {
  const { sandboxID, ...target } = request.params as Record<string, string>;
  const { caller } = request;
  audit.write({
    actor: {
      kind: caller?.keyId === undefined ? "admin" : "key",
      id: caller?.keyId,
      teamId: caller?.team.id,
    },
    action: request.routeOptions.config.operationId ?? request.method,
    sandboxId: sandboxID?.split("-", 1)[0] ?? made.get(request),
    target: Object.keys(target).length > 0 ? target : undefined,
    address: request.ip,
    outcome: outcomeOf(reply),
    detail: { status: reply.statusCode, durationMs: Math.round(reply.elapsedTime) },
  });
}

/** Writes down every request of a known caller that is to change something, with how it went. */
export function auditRequests(app: FastifyInstance, audit: AuditLog): void {
  app.addHook("onSend", async (request, _reply, payload) => {
    // Only a create's answer names a sandbox that its path does not.
    if (!isAudited(request) || !request.url.includes("/sandboxes")) return;
    const sandboxId = sandboxInAnswer(payload);
    if (sandboxId !== undefined) made.set(request, sandboxId);
  });
  app.addHook("onResponse", async (request, reply) => {
    // Limits refuse as fast as somebody asks: written down, that would push everything else out of the log.
    if (isAudited(request) && reply.statusCode !== 429) writeEntry(audit, request, reply);
  });
}
