import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "@sandbank/core/errors";
import type { Team } from "@sandbank/store/teams";
import type { Caller } from "./authentication.ts";
import { type Operation, operationsOf, readContract } from "./contract.ts";
import type { Handler, Handlers, OperationId } from "./operation-types.ts";
import type { RateLimitAnswer } from "./rate-limiter.ts";
import { type OperationValidator, validatorFactory } from "./validation.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set on every route that needs a key. */
    caller: Caller | undefined;
    /** Whether the operator's token opened the route. */
    isOperator: boolean;
  }
}

export interface RouteOptions {
  handlers: Handlers;
  authenticate: (headers: FastifyRequest["headers"]) => Promise<Caller>;
  checkOperator: (headers: FastifyRequest["headers"]) => void;
  /** Counts a request of a team. */
  limitRate: (caller: Caller) => RateLimitAnswer;
}

type AnyHandler = (call: {
  caller: Caller | undefined;
  team: Team | undefined;
  header: unknown;
  path: unknown;
  query: unknown;
  body: unknown;
}) => Promise<{ status: number; body: unknown; headers?: Record<string, string> }>;

/** The contract's types tie each handler to its operation; here operations are known by name only. */
function handlerOf(handlers: Handlers, operation: Operation): AnyHandler {
  const handler = handlers[operation.id as OperationId] as Handler<OperationId> | undefined;
  if (handler) return handler as unknown as AnyHandler;
  if (!operation.notYet) throw new Error(`operation ${operation.id} of the contract has no handler`);
  return () => {
    throw new AppError({ code: "unimplemented", message: `${operation.id} is not available yet` });
  };
}

function readBody(operation: Operation, validator: OperationValidator, body: unknown): unknown {
  if (body === undefined && operation.bodyRequired) {
    throw new AppError({ code: "invalid_argument", message: "validation error: body is required" });
  }
  const value = body === undefined ? {} : body;
  validator.body(value);
  return value;
}

function respond(reply: FastifyReply, answer: Awaited<ReturnType<AnyHandler>>): FastifyReply {
  void reply.code(answer.status).headers(answer.headers ?? {});
  // A serialised body has a length; clients read an empty chunked one as broken JSON.
  if (answer.body === undefined) return reply.send();
  return reply.type("application/json; charset=utf-8").send(JSON.stringify(answer.body));
}

/** Registers every operation of the contract. Throws when one has neither a handler nor the mark `x-not-yet`. */
export function registerRoutes(app: FastifyInstance, options: RouteOptions): void {
  const document = readContract();
  const validatorOf = validatorFactory(document);
  app.decorateRequest("caller", undefined);
  app.decorateRequest("isOperator", false);
  for (const operation of operationsOf(document)) {
    const handler = handlerOf(options.handlers, operation);
    const validator = validatorOf(operation);
    app.route({
      method: operation.method,
      url: operation.url,
      config: { operationId: operation.id },
      // Before the body is read: strangers can't make the service parse anything.
      onRequest: async (request, reply) => {
        if (operation.access === "operator") {
          options.checkOperator(request.headers);
          request.isOperator = true;
        }
        if (operation.access !== "team") return;
        request.caller = await options.authenticate(request.headers);
        const { headers, refusal } = options.limitRate(request.caller);
        void reply.headers(headers);
        if (refusal) throw refusal;
      },
      handler: async (request, reply) => {
        const { caller, params: path, query, headers: header } = request;
        validator.header(header);
        validator.path(path);
        validator.query(query);
        const body = operation.notYet ? undefined : readBody(operation, validator, request.body);
        return respond(reply, await handler({ caller, team: caller?.team, header, path, query, body }));
      },
    });
  }
}
