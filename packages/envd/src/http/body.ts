import type { IncomingMessage } from "node:http";
import { isObject, type JsonObject } from "../rpc/fields.ts";
import { HttpError } from "./reply.ts";

const maxJsonBytes = 1024 * 1024;

/** A small JSON object; `{}` for an empty body. */
export async function readJson(request: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > maxJsonBytes) throw new HttpError(413, `body is larger than ${maxJsonBytes} bytes`);
    chunks.push(chunk);
  }
  if (total === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString());
  } catch (cause) {
    throw new HttpError(400, "body is not valid JSON", { cause });
  }
  if (isObject(value)) return value;
  throw new HttpError(400, "body is not a JSON object");
}
