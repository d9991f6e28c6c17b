import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "@sandbank/core/errors";
import type { Team } from "@sandbank/store/teams";
import type { Volume } from "@sandbank/store/volumes";
import { acceptBytes, sendBytes } from "./byte-streams.ts";
import type { Caller } from "./authentication.ts";
import { type Operation, operationsOf, readContract } from "./contract.ts";
import type { BytesAnswer, Handler, Handlers, OperationId } from "./operation-types.ts";
import type { RateLimitAnswer } from "./rate-limiter.ts";
import { type OperationValidator, validatorFactory } from "./validation.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set on every route that needs a key. */
    caller: Caller | undefined;
    /** Whether the operator's token opened the route. */
    isOperator: boolean;
    /** Set on every route that needs a volume's token. */
    volumeCaller: VolumeCaller | undefined;
  }
}

/** Whoever has a volume's token. */
export interface VolumeCaller {
  volume: Volume;
  team: Team;
}

export interface RouteOptions {
  handlers: Handlers;
  authenticate: (headers: FastifyRequest["headers"]) => Promise<Caller>;
  authenticateForVolume: (headers: FastifyRequest["headers"], volumeId: string) => Promise<VolumeCaller>;
  checkOperator: (headers: FastifyRequest["headers"]) => void;
  /** Counts a request of a team. */
  limitRate: (caller: Pick<Caller, "team" | "keyId">) => RateLimitAnswer;
}

type AnyHandler = (call: {
  caller: Caller | undefined;
  team: Team | undefined;
  volume: Volume | undefined;
  header: unknown;
  path: unknown;
  query: unknown;
  body: unknown;
}) => Promise<JsonAnswer | BytesAnswer<number>>;

interface JsonAnswer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

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
  if (operation.notYet) return undefined;
  if (operation.takesBytes) return body;
  if (body === undefined && operation.bodyRequired) {
    throw new AppError({ code: "invalid_argument", message: "validation error: body is required" });
  }
  const value = body === undefined ? {} : body;
  validator.body(value);
  return value;
}

function respond(reply: FastifyReply, answer: JsonAnswer | BytesAnswer<number>): FastifyReply {
  if ("bytes" in answer) return sendBytes(reply, answer);
  void reply.code(answer.status).headers(answer.headers ?? {});
  // A serialised body has a length; clients read an empty chunked one as broken JSON.
  if (answer.body === undefined) return reply.send();
  return reply.type("application/json; charset=utf-8").send(JSON.stringify(answer.body));
}

/** Before the body is read: strangers can't make the service parse anything. */
async function admit(
  operation: Operation,
  options: RouteOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  if (operation.access === "anybody") return;
  if (operation.access === "operator") {
    options.checkOperator(request.headers);
    request.isOperator = true;
    return;
  }
  const { headers, refusal } = options.limitRate(await callerOf(operation, options, request));
  void reply.headers(headers);
  if (refusal) throw refusal;
}

async function callerOf(
  operation: Operation,
  options: RouteOptions,
  request: FastifyRequest,
): Promise<Pick<Caller, "team" | "keyId">> {
  if (operation.access === "team") {
    request.caller = await options.authenticate(request.headers);
    return request.caller;
  }
  const { volumeID = "" } = request.params as { volumeID?: string };
  request.volumeCaller = await options.authenticateForVolume(request.headers, volumeID);
  return { team: request.volumeCaller.team, keyId: undefined };
}

/** Registers every operation of the contract. Throws when one has neither a handler nor the mark `x-not-yet`. */
export function registerRoutes(app: FastifyInstance, options: RouteOptions): void {
  const document = readContract();
  const validatorOf = validatorFactory(document);
  app.decorateRequest("caller", undefined);
  app.decorateRequest("isOperator", false);
  app.decorateRequest("volumeCaller", undefined);
  for (const operation of operationsOf(document)) {
    const handler = handlerOf(options.handlers, operation);
    const validator = validatorOf(operation);
    const register = (target: FastifyInstance): void => {
      target.route({
        method: operation.method,
        url: operation.url,
        config: { operationId: operation.id },
        onRequest: (request, reply) => admit(operation, options, request, reply),
        handler: async (request, reply) => {
          const { caller, volumeCaller, params: path, query, headers: header } = request;
          validator.header(header);
          validator.path(path);
          validator.query(query);
          const body = readBody(operation, validator, request.body);
          const { team, volume } = volumeCaller ?? { team: caller?.team, volume: undefined };
          return respond(reply, await handler({ caller, team, volume, header, path, query, body }));
        },
      });
    };
    // Parsers of bodies hold for whole scopes.
    if (operation.takesBytes) void app.register(async (scope) => register(acceptBytes(scope)));
    else register(app);
  }
}
