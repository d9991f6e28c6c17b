import { AppError } from "@sandbank/core/errors";
import {
  boolField,
  intField,
  type JsonObject,
  objectField,
  stringField,
  stringListField,
  stringMapField,
} from "../rpc/fields.ts";
import type { ProcessConfig } from "./managed-process.ts";

export interface StartRequest {
  config: ProcessConfig;
  pty?: { cols: number; rows: number };
  tag?: string;
  /** True when absent: clients from before the flag rely on a pipe. */
  stdin: boolean;
}

/** process.StartRequest, checked. */
export function parseStartRequest(input: JsonObject): StartRequest {
  const process = objectField(input, "process") ?? {};
  const cwd = stringField(process, "cwd");
  const config: ProcessConfig = {
    cmd: stringField(process, "cmd") ?? "",
    args: stringListField(process, "args"),
    envs: stringMapField(process, "envs"),
    ...(cwd !== undefined && { cwd }),
  };
  if (config.cmd === "") throw invalid("process.cmd is empty");
  const texts = [config.cmd, ...config.args, ...Object.entries(config.envs).flat()];
  if (texts.some((text) => text.includes("\0")))
    throw invalid("command, arguments and environment cannot contain NUL");
  if (Object.keys(config.envs).some((name) => name === "" || name.includes("="))) {
    throw invalid("names of environment variables cannot be empty or contain =");
  }
  const tag = stringField(input, "tag");
  const pty = objectField(input, "pty");
  return {
    config,
    ...(tag !== undefined && { tag }),
    ...(pty && { pty: parseSize(pty) }),
    stdin: boolField(input, "stdin") ?? true,
  };
}

/** PTY.size in character cells. */
export function parseSize(pty: JsonObject): { cols: number; rows: number } {
  const size = objectField(pty, "size") ?? {};
  const cell = (name: string) => Math.min(intField(size, name) ?? 0, 65535);
  return { cols: cell("cols") || 80, rows: cell("rows") || 24 };
}

function invalid(message: string): AppError {
  return new AppError({ code: "invalid_argument", message });
}
