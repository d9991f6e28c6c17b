import { constants, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path/posix";
import type { ServerResponse } from "node:http";
import type { Exchange } from "../http/server.ts";
import { HttpError, sendEmpty } from "../http/reply.ts";
import type { SandboxState } from "../state.ts";
import { checkFileAccess, filePath, fileUser } from "./access.ts";
import { contentType } from "./content-type.ts";
import {
  type ByteRange,
  chooseEncoding,
  evaluate,
  parseRange,
  RangeNotSatisfiable,
  rangeHolds,
} from "./negotiate.ts";
import { FileIo } from "./file-io.ts";
import { fileChunks, sendChunks } from "./send-file.ts";

/** GET /files: one file, whole or in part, as it is or in gzip. */
export async function download(exchange: Exchange, state: SandboxState): Promise<void> {
  await checkFileAccess(exchange, "read", state);
  const user = fileUser(exchange.query.get("username"), state);
  const path = filePath(exchange.query.get("path") ?? "", user, state);
  const file = await openRegular(path);
  try {
    await sendFile(exchange, path, file, await file.stat());
  } finally {
    await file.close();
  }
}

async function openRegular(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    // Opening a FIFO must not wait for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") throw new HttpError(404, `path '${path}' does not exist`);
    throw error;
  }
  const stat = await file.stat();
  if (stat.isFile()) return file;
  await file.close();
  throw new HttpError(400, `path '${path}' is ${stat.isDirectory() ? "a directory" : "not a regular file"}`);
}

async function sendFile(
  { request, response }: Exchange,
  path: string,
  file: FileHandle,
  stat: Stats,
): Promise<void> {
  const etag = `"${stat.mtimeMs.toString(36)}-${stat.size.toString(36)}"`;
  response.setHeader("Content-Disposition", disposition(basename(path)));
  response.setHeader("Vary", "Accept-Encoding");
  const encoding = chooseEncoding(request.headers["accept-encoding"], isPartial(request.headers));
  response.setHeader("Last-Modified", stat.mtime.toUTCString());
  if (encoding === "identity") {
    response.setHeader("Accept-Ranges", "bytes");
    response.setHeader("ETag", etag);
    const outcome = evaluate(
      {
        ifMatch: request.headers["if-match"],
        ifNoneMatch: request.headers["if-none-match"],
        ifModifiedSince: request.headers["if-modified-since"],
        ifUnmodifiedSince: request.headers["if-unmodified-since"],
      },
      etag,
      stat.mtimeMs,
    );
    if (outcome !== "send") return sendEmpty(response, outcome === "failed" ? 412 : 304);
  }
  const head = Buffer.alloc(512);
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  response.setHeader("Content-Type", contentType(path, head.subarray(0, bytesRead)));
  const holds = rangeHolds(request.headers["if-range"] as string | undefined, etag, stat.mtimeMs);
  const range = holds ? rangeOf(request.headers.range, stat.size, response) : undefined;
  // Files of /proc claim to be empty: they are read to their end, whatever the size says.
  const size = stat.size === 0 && bytesRead > 0 ? undefined : stat.size;
  if (encoding === "gzip") await sendGzip(request.method, response, file);
  else await sendIdentity(request.method, response, await FileIo.of(file, path), range, size);
}

function isPartial(headers: NodeJS.Dict<string | string[]>): boolean {
  const names = [
    "range",
    "if-range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
  ];
  return names.some((name) => headers[name] !== undefined);
}

function rangeOf(header: string | undefined, size: number, response: ServerResponse): ByteRange | undefined {
  try {
    return parseRange(header, size);
  } catch (error) {
    if (error instanceof RangeNotSatisfiable) response.setHeader("Content-Range", `bytes */${error.size}`);
    throw error;
  }
}

async function sendIdentity(
  method: string | undefined,
  response: ServerResponse,
  file: FileIo,
  range: ByteRange | undefined,
  size: number | undefined,
): Promise<void> {
  const length = range ? range.end - range.start + 1 : size;
  if (range) response.setHeader("Content-Range", `bytes ${range.start}-${range.end}/${size}`);
  if (length !== undefined) response.setHeader("Content-Length", String(length));
  response.writeHead(range ? 206 : 200);
  if (method === "HEAD" || length === 0) return void response.end();
  await sendChunks(response, file, range?.start ?? 0, length);
}

async function sendGzip(
  method: string | undefined,
  response: ServerResponse,
  file: FileHandle,
): Promise<void> {
  response.writeHead(200, { "content-encoding": "gzip" });
  if (method === "HEAD") return void response.end();
  const { constants: levels, createGzip } = await import("node:zlib");
  const { pipeline } = await import("node:stream/promises");
  try {
    await pipeline(fileChunks(file), createGzip({ level: levels.Z_BEST_SPEED }), response);
  } catch {
    // The client has gone, or the file cannot be read to its end: a cut connection says so.
    response.destroy();
  }
}

/** The plain name where ASCII does, and RFC 5987's form where not. */
function disposition(name: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/^[\w.!#$&^`|~+-]+$/.test(name)) return `inline; filename=${name}`;
  // oxlint-disable-next-line no-control-regex
  if (/^[\x20-\x7e]*$/.test(name)) return `inline; filename="${name.replace(/["\\]/g, String.raw`\$&`)}"`;
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return `inline; filename*=utf-8''${encoded}`;
}
