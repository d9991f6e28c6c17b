import type { IncomingMessage } from "node:http";
import { HttpError } from "../http/reply.ts";

const prefix = "x-metadata-";
const maxKeyBytes = 246;
const maxTotalBytes = 4096;

/** The metadata that an upload's `X-Metadata-<key>` headers carry, keys in lower case. Invalid: 400. */
export function metadataOf(request: IncomingMessage): Record<string, string> {
  const metadata: Record<string, string> = {};
  let total = 0;
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = (request.rawHeaders[index] ?? "").toLowerCase();
    if (!name.startsWith(prefix)) continue;
    const key = name.slice(prefix.length);
    const value = request.rawHeaders[index + 1] ?? "";
    if (key.length === 0 || key.length > maxKeyBytes) {
      throw new HttpError(400, `metadata key must be 1 to ${maxKeyBytes} bytes long`);
    }
    if (!/^[\x20-\x7e]*$/.test(key + value))
      throw new HttpError(400, `metadata '${key}' is not printable ASCII`);
    metadata[key] = value;
    total += key.length + value.length;
  }
  if (total > maxTotalBytes) throw new HttpError(400, `metadata is larger than ${maxTotalBytes} bytes`);
  return metadata;
}
