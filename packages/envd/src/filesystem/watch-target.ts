import { statfsSync, statSync } from "node:fs";
import { relative } from "node:path/posix";
import { AppError } from "@sandbank/core/errors";
import type { Call } from "../rpc/call.ts";
import { boolField, type JsonObject, stringField } from "../rpc/fields.ts";
import type { SandboxState } from "../state.ts";
import { resolvePath } from "../system/paths.ts";
import type { EntryReader } from "./entry.ts";
import type { WatchEventType } from "./tree-watch.ts";

/** File systems whose changes from elsewhere inotify does not see: NFS, SMB (old, 2, CIFS), Ceph, FUSE. */
const networkTypes = new Set([0x6969, 0x517b, 0xfe534d42, 0xff534d42, 0x00c36400, 0x65735546]);

export interface WatchTarget {
  root: string;
  recursive: boolean;
  /** filesystem.FilesystemEvent of an event at an absolute path. */
  toEvent: (path: string, type: WatchEventType) => JsonObject;
}

/** filesystem.WatchDirRequest, checked. */
export function parseWatchRequest(
  input: JsonObject,
  call: Call,
  state: SandboxState,
  entries: EntryReader,
): WatchTarget {
  const root = resolvePath(stringField(input, "path") ?? "", call.user(), state.defaultWorkdir);
  const stat = statSync(root, { throwIfNoEntry: false });
  if (!stat) throw new AppError({ code: "not_found", message: `path not found: ${root}` });
  if (!stat.isDirectory()) throw invalid(`path is not a directory: ${root}`);
  if (!boolField(input, "allowNetworkMounts") && networkTypes.has(statfsSync(root).type)) {
    throw invalid(`cannot watch a path on a network file system: ${root}`);
  }
  const includeEntry = boolField(input, "includeEntry") ?? false;
  return {
    root,
    recursive: boolField(input, "recursive") ?? false,
    toEvent(path, type) {
      const event: JsonObject = { name: relative(root, path) || ".", type: `EVENT_TYPE_${type}` };
      const hasEntry = includeEntry && type !== "REMOVE" && type !== "RENAME";
      const entry = hasEntry ? entries.read(path) : undefined;
      if (entry) event["entry"] = entry;
      return event;
    },
  };
}

function invalid(message: string): AppError {
  return new AppError({ code: "invalid_argument", message });
}
