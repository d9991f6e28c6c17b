import type { IncomingMessage } from "node:http";
import { basename } from "node:path/posix";
import type { Readable } from "node:stream";
import type { Exchange } from "../http/server.ts";
import { HttpError, sendJson } from "../http/reply.ts";
import type { SandboxState } from "../state.ts";
import type { MetadataStore } from "../system/xattr.ts";
import type { User } from "../system/users.ts";
import { checkFileAccess, filePath, fileUser } from "./access.ts";
import { metadataOf } from "./metadata-headers.ts";
import { FileIo } from "./file-io.ts";
import { openForWriting, storeMetadata } from "./write-file.ts";

export interface UploadedFile {
  path: string;
  name: string;
  type: "file";
  metadata?: Record<string, string>;
}

export interface UploadContext {
  user: User;
  metadata: Record<string, string>;
  store: MetadataStore;
  /** Absolute path of a path as the client wrote it. */
  resolve: (path: string) => string;
}

/** POST /files: one file as the body, or any number of them as multipart. */
export async function upload(exchange: Exchange, state: SandboxState, store: MetadataStore): Promise<void> {
  await checkFileAccess(exchange, "write", state);
  const { request, response, query } = exchange;
  const user = fileUser(query.get("username"), state);
  const context: UploadContext = {
    user,
    metadata: metadataOf(request),
    store,
    resolve: (path) => filePath(path, user, state),
  };
  const path = query.get("path");
  const type = (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  const body = await decoded(request);
  if (type === "multipart/form-data") {
    const { receiveMultipart } = await import("./multipart.ts");
    sendJson(response, 200, await receiveMultipart(request, body, path, context));
  } else if (type === "application/octet-stream") {
    if (!path) throw new HttpError(400, "the path query parameter is required for application/octet-stream");
    sendJson(response, 200, [await receiveFile(body, context.resolve(path), context)]);
  } else {
    throw new HttpError(
      400,
      `unsupported content type '${type}': use multipart/form-data or application/octet-stream`,
    );
  }
}

async function decoded(request: IncomingMessage): Promise<Readable> {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  if (encoding === "identity" || encoding === "") return request;
  if (encoding !== "gzip") throw new HttpError(400, `unsupported content encoding '${encoding}'`);
  const { createGunzip } = await import("node:zlib");
  const gunzip = createGunzip();
  // It may fail before anybody reads; who reads then is told all the same.
  gunzip.on("error", () => undefined);
  request.on("error", (error) => gunzip.destroy(error));
  request.on("aborted", () => gunzip.destroy(new Error("the client went away")));
  return request.pipe(gunzip);
}

/** Stores one stream as one file. */
export async function receiveFile(
  body: Readable,
  path: string,
  context: UploadContext,
): Promise<UploadedFile> {
  const { user, metadata, store } = context;
  const file = await openForWriting(path, user);
  try {
    const io = await FileIo.of(file, path);
    // Left open on a failure: ending the body would end the connection, and with it the answer that says what failed.
    const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    for await (const chunk of chunks) await io.writeAll(chunk);
    storeMetadata(file, metadata, store);
  } catch (error) {
    body.resume();
    if ((error as NodeJS.ErrnoException).code?.startsWith("Z_"))
      throw new HttpError(400, "the body is not valid gzip");
    throw error;
  } finally {
    await file.close();
  }
  return { path, name: basename(path), type: "file", ...(Object.keys(metadata).length > 0 && { metadata }) };
}
