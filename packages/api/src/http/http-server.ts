import cors from "@fastify/cors";
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import { AppError, errorText, toAppError } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { httpStatusOf } from "@sandbank/protocol/error-tables";
import { headers } from "@sandbank/protocol/headers";
import { type ControlPlane, limitsOf } from "../control-plane.ts";
import type { AuditLog } from "../audit.ts";
import { auditRequests } from "./audit-requests.ts";
import { authenticator, operatorCheck, volumeAuthenticator } from "./authentication.ts";
import { sendError } from "./error-reply.ts";
import { acceptJsonBodies } from "./json-body.ts";
import { observeHandlers } from "./observe-handlers.ts";
import { operatorHandlers } from "./operator-handlers.ts";
import { RateLimiter } from "./rate-limiter.ts";
import { registerRoutes } from "./routes.ts";
import { sandboxHandlers } from "./sandbox-handlers.ts";
import { secretHandlers } from "./secret-handlers.ts";
import { teamHandlers } from "./team-handlers.ts";
import { templateHandlers } from "./template-handlers.ts";
import { volumeContentHandlers, volumeHandlers } from "./volume-handlers.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    operationId?: string;
  }
}

/** Clients keep connections for up to five minutes; closing one first would make their next request fail. */
const keepAliveTimeoutMs = 620_000;
const maxBodyBytes = 1024 * 1024;
const corsMaxAgeSec = 7200;
const rateLimitHeaders = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"];

const isClientError = (error: unknown): error is FastifyError =>
  error instanceof Error && "statusCode" in error && Number(error.statusCode) < 500;

function sendRefusal(reply: FastifyReply, error: FastifyError): FastifyReply {
  const code = error.statusCode ?? 400;
  return reply.code(code).send({ code, message: `validation error: ${error.message}` });
}

function logRequests(app: FastifyInstance, logger: Logger): void {
  app.addHook("onResponse", async (request, reply) => {
    const fields = {
      operation: request.routeOptions.config.operationId,
      method: request.method,
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
      teamId: request.caller?.team.id,
    };
    logger.debug(fields, "request");
  });
}

function logFailure(logger: Logger, request: FastifyRequest, error: AppError): void {
  const operation = request.routeOptions.config.operationId;
  logger.error({ operation, reason: error.reason, error: errorText(error) }, "request failed");
}

function answerErrors(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    // Fastify's own refusals (too large, broken request) have a status, and no class of ours.
    if (!(error instanceof AppError) && isClientError(error)) return sendRefusal(reply, error);
    const app = toAppError(error);
    if (httpStatusOf[app.code] >= 500 && app.code !== "unimplemented") logFailure(logger, request, app);
    return sendError(reply, app);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "";
    return reply.code(404).send({ code: 404, message: `No such operation: ${request.method} ${path}` });
  });
}

export interface HttpServerOptions {
  logger: Logger;
  audit: AuditLog | undefined;
  isDraining: () => boolean;
}

/** The HTTP server with every operation of the contract, not yet listening. */
export async function createHttpServer(
  plane: ControlPlane,
  { logger, audit, isDraining }: HttpServerOptions,
): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit: maxBodyBytes,
    keepAliveTimeout: keepAliveTimeoutMs,
    // Its own answer while closing is not in the shape that clients decode; they finish on open connections instead.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: (error, _request, reply) => {
      sendRefusal(reply, error);
    },
  });
  await app.register(cors, {
    origin: "*",
    methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    exposedHeaders: [headers.nextToken, headers.totalRunning, ...rateLimitHeaders],
    maxAge: corsMaxAgeSec,
  });
  acceptJsonBodies(app);
  answerErrors(app, logger);
  logRequests(app, logger);
  if (audit) auditRequests(app, audit);
  const rateLimiter = new RateLimiter();
  const checkOperator = operatorCheck(plane.adminTokenHash);
  registerRoutes(app, {
    authenticate: authenticator(plane.store, checkOperator),
    authenticateForVolume: volumeAuthenticator(plane),
    checkOperator,
    limitRate: (caller) => rateLimiter.take(caller, limitsOf(plane, caller.team)),
    handlers: {
      ...sandboxHandlers(plane),
      ...observeHandlers(plane),
      ...templateHandlers(plane),
      ...teamHandlers(plane.tenants),
      ...operatorHandlers(plane),
      ...secretHandlers(plane),
      ...volumeHandlers(plane),
      ...volumeContentHandlers(plane),
      async getHealth() {
        if (isDraining()) throw new AppError({ code: "unavailable", message: "the service is stopping" });
        await plane.nodes.assertPlacement();
        return { status: 204, body: undefined };
      },
    },
  });
  return app;
}
