import { readConfig } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { AdminClient } from "../service/admin-client.ts";
import type { SandboxStatus } from "../service/admin-server.ts";
import { notRunning } from "./env.ts";

const columns: [title: string, value: (sandbox: SandboxStatus, nowMs: number) => string][] = [
  ["SANDBOX", (sandbox) => sandbox.sandboxID],
  ["TEMPLATE", (sandbox) => sandbox.templateID],
  ["ISOLATION", (sandbox) => `${sandbox.isolation} (${sandbox.driver})`],
  ["STATE", (sandbox) => sandbox.state],
  ["AGE", (sandbox, nowMs) => duration(nowMs - Date.parse(sandbox.startedAt))],
  ["ENDS IN", (sandbox, nowMs) => duration(Date.parse(sandbox.endAt) - nowMs)],
  ["ADDRESS", (sandbox) => sandbox.hostAddress],
  ["PID", (sandbox) => String(sandbox.pid)],
];

/** Lists the sandboxes of this cloud, with the isolation that each really got. */
export async function psCommand(options: { json?: boolean }): Promise<void> {
  const client = new AdminClient(pathsOf(readConfig()).adminSocket);
  if (!(await client.status())) throw notRunning();
  const sandboxes = await client.sandboxes();
  if (options.json) process.stdout.write(`${JSON.stringify(sandboxes, undefined, 2)}\n`);
  else process.stdout.write(table(sandboxes, Date.now()));
}

function table(sandboxes: SandboxStatus[], nowMs: number): string {
  const rows = [columns.map(([title]) => title)];
  for (const sandbox of sandboxes) rows.push(columns.map(([, value]) => value(sandbox, nowMs)));
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

/** `2h5m`, `3m20s`, `12s`. */
function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`;
  return seconds >= 60 ? `${Math.floor(seconds / 60)}m${seconds % 60}s` : `${seconds}s`;
}
