import { inspect } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "@sandbank/core/errors";
import { readConfig } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { AdminClient } from "../service/admin-client.ts";
import type { LogLine } from "../service/observe-routes.ts";

export interface LogsOptions {
  /** Only what came from the console, as it was said. */
  console?: boolean;
  /** What it wanted to reach and what became of that, in place of what it said. */
  egress?: boolean;
  follow?: boolean;
  json?: boolean;
}

const followIntervalMs = 500;

/** Prints what a sandbox said and what happened to it; when following, until it has ended. */
export async function logsCommand(sandboxId: string, options: LogsOptions): Promise<void> {
  const client = new AdminClient(pathsOf(readConfig()).adminSocket);
  let start = 0;
  for (let found = false; ;) {
    const { entries, isRunning } = (await client.call(
      "GET",
      `/v1/sandboxes/${encodeURIComponent(sandboxId)}/${options.egress ? "egress" : "logs"}?start=${start}`,
    )) as { entries: LogLine[]; isRunning: boolean };
    found ||= entries.length > 0 || isRunning;
    if (!found) throw new AppError({ code: "not_found", message: `no log of sandbox ${sandboxId} is kept` });
    for (const entry of entries) print(entry, options);
    const last = entries.at(-1);
    if (last) start = last.atMs + 1;
    // More pages may be there; the end of a sandbox comes with its last entries.
    else if (!options.follow || !isRunning) return;
    else await sleep(followIntervalMs);
  }
}

function print(entry: LogLine, options: LogsOptions): void {
  if (options.console && entry.logger === "node") return;
  process.stdout.write(`${options.json ? JSON.stringify(entry) : formatLine(entry, options)}\n`);
}

/** `2026-11-24 10:00:00.000 INFO  process: started pid=7`; of the console alone just what was said. */
export function formatLine({ atMs, level, logger, message, fields }: LogLine, options: LogsOptions): string {
  if (options.console && logger === "console") return message;
  const time = new Date(atMs).toISOString().replace("T", " ").replace("Z", "");
  const more = Object.entries(fields)
    .filter(([name]) => logger !== "console" || name !== "stream")
    .map(([name, value]) => ` ${name}=${/^[\w.:/-]+$/.test(value) ? value : inspect(value)}`);
  return `${time} ${level.toUpperCase().padEnd(5)} ${logger}: ${message}${more.join("")}`;
}
