import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { HttpError } from "../http/reply.ts";
import { receiveFile, type UploadContext, type UploadedFile } from "./upload.ts";

const fieldName = "file";
const maxFiles = 10_000;

/**
 * Stores the parts named `file`. With `path` there is to be one, stored there; without it, each part's filename
 * is its path. One part is written at a time, so memory stays that of one chunk.
 */
export async function receiveMultipart(
  request: IncomingMessage,
  body: Readable,
  path: string | null,
  context: UploadContext,
): Promise<UploadedFile[]> {
  const parser = makeParser(request);
  const uploads: Promise<UploadedFile>[] = [];
  const paths = new Set<string>();
  const { promise: parsed, resolve, reject } = Promise.withResolvers<void>();
  const accept = (part: Readable, filename: string | undefined): void => {
    const target = targetOf(path, filename, uploads.length, context);
    if (paths.has(target))
      throw new HttpError(400, `cannot upload several files to the same path '${target}'`);
    paths.add(target);
    const upload = receiveFile(part, target, context);
    uploads.push(upload);
    // The first failure ends the request; the rest of the body is of no use.
    upload.catch(reject);
  };
  parser.on("file", (name: string, part: Readable, filename: string | undefined) => {
    part.on("error", reject);
    try {
      if (name === fieldName) accept(part, filename);
      else part.resume();
    } catch (error) {
      reject(error);
      part.resume();
    }
  });
  parser.on("filesLimit", () => reject(new HttpError(400, `more than ${maxFiles} files in one request`)));
  parser.on("error", (error: unknown) =>
    reject(new HttpError(400, "malformed multipart body", { cause: error })),
  );
  parser.on("finish", resolve);
  body.on("error", () => reject(new HttpError(400, "the body ended early or is not valid gzip")));
  request.on("aborted", () => reject(new HttpError(400, "the client went away")));
  body.pipe(parser);
  try {
    await parsed;
    return await Promise.all(uploads);
  } catch (error) {
    body.unpipe(parser);
    request.resume();
    throw error;
  }
}

function makeParser(request: IncomingMessage): BusboyInstance {
  try {
    return new Busboy({
      headers: { ...request.headers, "content-type": request.headers["content-type"] ?? "" },
      // Filenames are whole paths here.
      preservePath: true,
      limits: { files: maxFiles, fields: 1000, fieldSize: 64 * 1024 },
      fileHwm: 1024 * 1024,
    });
  } catch (cause) {
    throw new HttpError(400, "malformed multipart request", { cause });
  }
}

function targetOf(
  path: string | null,
  filename: string | undefined,
  index: number,
  context: UploadContext,
): string {
  if (!path) {
    if (!filename) throw new HttpError(400, "a part has no filename, and the request no path");
    return context.resolve(filename);
  }
  if (index > 0) throw new HttpError(400, "a path in the query takes one file only");
  return context.resolve(path);
}
