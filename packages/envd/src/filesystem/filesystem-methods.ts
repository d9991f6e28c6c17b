import { chownSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path/posix";
import { AppError } from "@sandbank/core/errors";
import type { Call } from "../rpc/call.ts";
import { intField, type JsonObject, stringField } from "../rpc/fields.ts";
import type { Method } from "../rpc/method.ts";
import type { SandboxState } from "../state.ts";
import { resolvePath } from "../system/paths.ts";
import { makeOwnedDirectories } from "./directories.ts";
import type { EntryReader } from "./entry.ts";
import { listDirectory } from "./list-dir.ts";

const unary = (run: (input: JsonObject, call: Call) => JsonObject): Method => ({ kind: "unary", run });

/** filesystem.Filesystem without its watching part. */
export function filesystemMethods(state: SandboxState, entries: EntryReader): [string, Method][] {
  const pathOf = (input: JsonObject, call: Call, name = "path"): string =>
    resolvePath(stringField(input, name) ?? "", call.user(), state.defaultWorkdir);
  const entryAt = (path: string): JsonObject => {
    const entry = entries.read(path);
    if (entry) return { entry };
    throw new AppError({ code: "not_found", message: `file not found: ${path}` });
  };
  const methods: Record<string, Method> = {
    Stat: unary((input, call) => entryAt(pathOf(input, call))),
    MakeDir: unary((input, call) => {
      const path = pathOf(input, call);
      makeDirectory(path, call);
      return entryAt(path);
    }),
    Move: unary((input, call) => {
      const source = pathOf(input, call, "source");
      const destination = pathOf(input, call, "destination");
      makeOwnedDirectories(dirname(destination), call.user());
      renameSync(source, destination);
      return entryAt(destination);
    }),
    ListDir: unary((input, call) => {
      state.users.refresh();
      return { entries: listDirectory(pathOf(input, call), intField(input, "depth") ?? 1, entries) };
    }),
    Remove: unary((input, call) => {
      rmSync(pathOf(input, call), { recursive: true, force: true });
      return {};
    }),
  };
  return Object.entries(methods).map(([name, method]) => [`/filesystem.Filesystem/${name}`, method]);
}

function makeDirectory(path: string, call: Call): void {
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing?.isDirectory()) {
    throw new AppError({ code: "already_exists", message: `directory already exists: ${path}` });
  }
  if (existing) {
    throw new AppError({
      code: "invalid_argument",
      message: `path already exists but it is not a directory: ${path}`,
    });
  }
  const user = call.user();
  makeOwnedDirectories(dirname(path), user);
  mkdirSync(path, { mode: 0o755 });
  chownSync(path, user.uid, user.gid);
}
