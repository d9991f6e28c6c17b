import { rm, stat } from "node:fs/promises";
import { basename } from "node:path/posix";
import { open } from "node:fs/promises";
import type { Exchange } from "../http/server.ts";
import { readJson } from "../http/body.ts";
import { HttpError, sendJson } from "../http/reply.ts";
import { stringField, stringListField } from "../rpc/fields.ts";
import type { SandboxState } from "../state.ts";
import { filePath, fileUser } from "./access.ts";
import { FileIo } from "./file-io.ts";
import { fileChunks } from "./send-file.ts";
import { openForWriting } from "./write-file.ts";

/** POST /files/compose: joins files in the order given, then removes them. */
export async function compose({ request, response }: Exchange, state: SandboxState): Promise<void> {
  const body = await readJson(request);
  const user = fileUser(stringField(body, "username"), state);
  const given = stringListField(body, "source_paths");
  const wanted = stringField(body, "destination") ?? "";
  if (given.length === 0 || wanted === "")
    throw new HttpError(400, "source_paths and destination are required");
  const sources = given.map((path) => filePath(path, user, state));
  const destination = filePath(wanted, user, state);
  if (sources.includes(destination)) throw new HttpError(400, "the destination cannot be one of the sources");
  for (const source of sources) {
    const found = await stat(source).catch(() => undefined);
    if (!found) throw new HttpError(404, `path '${source}' does not exist`);
    if (!found.isFile()) throw new HttpError(400, `path '${source}' is not a regular file`);
  }
  const target = await openForWriting(destination, user);
  try {
    const io = await FileIo.of(target, destination);
    for (const source of sources) {
      await using file = await open(source, "r");
      for await (const chunk of fileChunks(file)) await io.writeAll(chunk);
    }
  } finally {
    await target.close();
  }
  for (const source of sources) await rm(source, { force: true });
  sendJson(response, 200, { path: destination, name: basename(destination), type: "file" });
}
