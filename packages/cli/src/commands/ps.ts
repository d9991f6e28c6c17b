import { readConfig } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { json, table } from "../output/table.ts";
import { AdminClient, notRunning } from "../service/admin-client.ts";
import type { SandboxStatus } from "../service/admin-server.ts";

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
  const nowMs = Date.now();
  const rows = sandboxes.map((sandbox) => columns.map(([, value]) => value(sandbox, nowMs)));
  const titles = columns.map(([title]) => title);
  process.stdout.write(options.json ? json(sandboxes) : table([titles, ...rows]));
}

/** `2h5m`, `3m20s`, `12s`. */
function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`;
  return seconds >= 60 ? `${Math.floor(seconds / 60)}m${seconds % 60}s` : `${seconds}s`;
}
