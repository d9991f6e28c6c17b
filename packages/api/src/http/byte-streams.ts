import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply } from "fastify";
import { AppError } from "@sandbank/core/errors";
import type { BytesAnswer } from "./operation-types.ts";

/** How long a transfer may stand still before its connection is given up. */
const idleTimeoutMs = 300_000;
/** How long the rest of a refused upload is thrown away. */
const drainTimeoutMs = 10_000;

/** Hands bodies on as they arrive, whatever their declared type; none is an empty one. Gives `scope` back. */
export function acceptBytes(scope: FastifyInstance): FastifyInstance {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (request, payload: Readable, done) => {
    request.raw.setTimeout(idleTimeoutMs, () => request.raw.destroy(new Error("the upload stands still")));
    done(null, received(payload));
  });
  scope.addHook("onResponse", async (request) => drain(request.raw));
  scope.addHook("preHandler", async (request) => {
    request.body ??= Readable.from([]);
  });
  return scope;
}

/** Clients send on for a moment after they were refused; only then do they look at the answer, and their connection is free. */
function drain(request: IncomingMessage): void {
  if (request.readableEnded || request.destroyed) return;
  const timer = setTimeout(() => request.destroy(), drainTimeoutMs);
  request.once("close", () => clearTimeout(timer));
  request.once("end", () => clearTimeout(timer));
  request.resume();
}

/**
 * A client that goes away is no failure of the service. One whose upload is refused half way must still get the answer,
 * so that the connection stays open when nobody reads on.
 */
async function* received(payload: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* payload.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new AppError({ code: "invalid_argument", message: "the upload broke off", cause: error });
  }
}

/** Sends bytes as fast as the client takes them. */
export function sendBytes(reply: FastifyReply, answer: BytesAnswer<number>): FastifyReply {
  reply.raw.setTimeout(idleTimeoutMs, () => reply.raw.destroy(new Error("the download stands still")));
  return reply
    .code(answer.status)
    .header("content-length", answer.sizeBytes)
    .type("application/octet-stream")
    .send(Readable.from(answer.bytes, { objectMode: false }));
}
