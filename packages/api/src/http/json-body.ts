import type { FastifyInstance } from "fastify";
import { AppError } from "@sandbank/core/errors";

/**
 * Reads every body as JSON whatever its declared type, and an empty one as no body: some clients send
 * `Content-Type: application/json` with nothing, others a body with no type.
 */
export function acceptJsonBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (request, text, done) => {
    if (text.length === 0) return done(null, undefined);
    return parseJson(request, text.toString(), (error, value) => {
      if (!error) return done(null, value);
      const message = "validation error: body is not valid JSON";
      return done(new AppError({ code: "invalid_argument", message, detail: error.message }));
    });
  });
}
