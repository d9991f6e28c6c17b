import { readConfig } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { json, table } from "../output/table.ts";
import { AdminClient } from "../service/admin-client.ts";
import type { KeyStatus } from "../service/tenancy-routes.ts";

export interface KeyOptions {
  team?: string;
  json?: boolean;
}

const admin = (): AdminClient => new AdminClient(pathsOf(readConfig()).adminSocket);

/** Prints a new key's text, which nobody can read again. */
export async function keyCreateCommand(name: string, options: KeyOptions): Promise<void> {
  const { team } = options;
  const made = (await admin().call("POST", "/v1/api-keys", {
    name,
    ...(team === undefined ? {} : { team }),
  })) as KeyStatus;
  if (options.json) process.stdout.write(json(made));
  else {
    process.stderr.write(`key ${made.id} of team ${made.team}; its text is shown this once:\n`);
    process.stdout.write(`${made.key}\n`);
  }
}

/** Lists keys, masked; of every team unless one is named. */
export async function keyListCommand(options: KeyOptions): Promise<void> {
  const query = options.team === undefined ? "" : `?team=${encodeURIComponent(options.team)}`;
  const keys = (await admin().call("GET", `/v1/api-keys${query}`)) as KeyStatus[];
  process.stdout.write(options.json ? json(keys) : table(keyRows(keys)));
}

function keyRows(keys: KeyStatus[]): string[][] {
  const rows = keys.map((key) => [
    key.id,
    key.team,
    key.name,
    key.masked,
    key.createdAt,
    key.lastUsed ?? "never",
  ]);
  return [["ID", "TEAM", "NAME", "KEY", "CREATED", "LAST USED"], ...rows];
}

/** The next request with the key is refused. */
export async function keyRevokeCommand(id: string, options: KeyOptions): Promise<void> {
  await admin().call("DELETE", `/v1/api-keys/${encodeURIComponent(id)}`);
  if (options.json) process.stdout.write(json({ id, revoked: true }));
  else process.stderr.write(`key ${id} is refused from now on\n`);
}
