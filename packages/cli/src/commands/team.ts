import { AppError } from "@sandbank/core/errors";
import type { TeamLimits } from "@sandbank/store/teams";
import { readConfig } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { json, table } from "../output/table.ts";
import { AdminClient } from "../service/admin-client.ts";
import type { TeamStatus } from "../service/tenancy-routes.ts";
import { limitOptions } from "./limit-options.ts";

export interface TeamOptions {
  json?: boolean;
}

const admin = (): AdminClient => new AdminClient(pathsOf(readConfig()).adminSocket);

export async function teamCreateCommand(
  slug: string,
  options: TeamOptions & { name?: string },
): Promise<void> {
  const { name } = options;
  const body = { slug, ...(name === undefined ? {} : { name }) };
  const team = (await admin().call("POST", "/v1/teams", body)) as TeamStatus;
  if (options.json) process.stdout.write(json(team));
  else
    process.stderr.write(`team ${team.slug} made; its first key: sandbank key create NAME --team ${slug}\n`);
}

export async function teamListCommand(options: TeamOptions): Promise<void> {
  const teams = (await admin().call("GET", "/v1/teams")) as TeamStatus[];
  const rows = teams.map((team) => [
    team.slug,
    team.name,
    team.blocked ? "blocked" : "active",
    team.createdAt,
    team.id,
  ]);
  const titles = ["TEAM", "NAME", "STATE", "CREATED", "ID"];
  process.stdout.write(options.json ? json(teams) : table([titles, ...rows]));
}

/** Lets all keys of a team be refused, or no longer. */
export async function teamBlockCommand(slug: string, blocked: boolean, options: TeamOptions): Promise<void> {
  const team = (await admin().call("PATCH", `/v1/teams/${encodeURIComponent(slug)}`, {
    blocked,
  })) as TeamStatus;
  if (options.json) process.stdout.write(json(team));
  else process.stderr.write(`team ${team.slug} is ${team.blocked ? "blocked" : "active"}\n`);
}

/** The changes that the given options ask for; `default` goes back to the server's value. */
export function readLimits(given: Record<string, unknown>): { [Name in keyof TeamLimits]?: number | null } {
  const entries = limitOptions.flatMap(
    ({ key, flag, limit, factor = 1 }): [keyof TeamLimits, number | null][] => {
      const text = given[key];
      if (typeof text !== "string") return [];
      if (text === "default") return [[limit, null]];
      if (!/^\d+$/.test(text)) {
        throw new AppError({
          code: "invalid_argument",
          message: `${flag} takes a whole number or "default", not "${text}"`,
        });
      }
      return [[limit, Number(text) * factor]];
    },
  );
  return Object.fromEntries(entries);
}

/** Sets the limits that are given and shows what is in force. */
export async function teamLimitsCommand(
  slug: string,
  options: TeamOptions & Record<string, unknown>,
): Promise<void> {
  const limits = readLimits(options);
  const path = `/v1/teams/${encodeURIComponent(slug)}`;
  const team = (await admin().call("PATCH", path, { limits })) as TeamStatus;
  if (options.json) {
    process.stdout.write(json(team));
    return;
  }
  const rows = limitOptions.map(({ flag, limit, description, factor = 1 }) => {
    const value = team.effectiveLimits[limit];
    const origin = team.limits[limit] === undefined ? "default" : "own";
    return [flag.slice(2), value === null ? "unlimited" : String(value / factor), origin, description];
  });
  process.stdout.write(table([["LIMIT", "VALUE", "FROM", ""], ...rows]));
}
