import { z } from "zod";
import type { TeamState, Tenants } from "@sandbank/api/tenants";
import { AppError } from "@sandbank/core/errors";
import type { ApiKey } from "@sandbank/store/api-keys";
import { defaultTeamSlug, type TeamLimits } from "@sandbank/store/teams";
import type { AdminRoute } from "./admin-server.ts";

/** A key as the admin socket tells of it; `key` only in the answer that made it. */
export interface KeyStatus {
  id: string;
  team: string;
  name: string;
  /** The key with its middle left out. */
  masked: string;
  createdAt: string;
  createdBy: string | null;
  lastUsed: string | null;
  key?: string;
}

export interface TeamStatus {
  id: string;
  slug: string;
  name: string;
  blocked: boolean;
  createdAt: string;
  /** The team's own. */
  limits: Partial<TeamLimits>;
  /** With the server's defaults; null is unlimited. */
  effectiveLimits: Record<keyof TeamLimits, number | null>;
}

const limitNames = [
  "maxSandboxes",
  "maxCpuCount",
  "maxMemoryMib",
  "maxDiskMib",
  "maxVolumes",
  "maxVolumesMib",
  "volumeMib",
  "maxLengthMs",
  "maxRequestsPerSec",
  "maxKeyRequestsPerSec",
] as const satisfies (keyof TeamLimits)[];

const limit = z.number().int().min(1).nullable().optional();
const limits = z.strictObject({
  maxSandboxes: z.number().int().min(0).nullable().optional(),
  maxCpuCount: limit,
  maxMemoryMib: limit,
  maxDiskMib: limit,
  maxVolumes: z.number().int().min(0).nullable().optional(),
  maxVolumesMib: limit,
  volumeMib: z
    .number()
    .int()
    .min(16)
    .max(16 * 1024 * 1024)
    .nullable()
    .optional(),
  maxLengthMs: limit,
  maxRequestsPerSec: limit,
  maxKeyRequestsPerSec: limit,
});
const newTeam = z.strictObject({
  slug: z.string().regex(/^[a-z0-9_-]{1,63}$/, "must be 1 to 63 of a-z, 0-9, _ and -"),
  name: z.string().min(1).max(128).optional(),
});
const teamChange = z.strictObject({ limits: limits.optional(), blocked: z.boolean().optional() });
const newKey = z.strictObject({
  name: z.string().min(1).max(128),
  team: z.string().default(defaultTeamSlug),
});

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`);
  throw new AppError({ code: "invalid_argument", message: problems.join("; ") });
}

/** Absent means what it means to the use-case: leave as it is. */
const present = <T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

const time = (ms: number): string => new Date(ms).toISOString();

function teamStatus(team: TeamState): TeamStatus {
  const entries = limitNames.map((name): [keyof TeamLimits, number | null] => {
    const value = team.effectiveLimits[name];
    return [name, Number.isFinite(value) ? value : null];
  });
  return {
    id: team.id,
    slug: team.slug,
    name: team.name,
    blocked: team.blocked,
    createdAt: time(team.createdAtMs),
    limits: team.limits,
    effectiveLimits: Object.fromEntries(entries) as TeamStatus["effectiveLimits"],
  };
}

const keyStatus = (team: string, record: ApiKey): KeyStatus => ({
  id: record.id,
  team,
  name: record.name,
  masked: `${record.mask.prefix}${record.mask.maskedValuePrefix}…${record.mask.maskedValueSuffix}`,
  createdAt: time(record.createdAtMs),
  createdBy: record.createdBy ?? null,
  lastUsed: record.lastUsedAtMs === undefined ? null : time(record.lastUsedAtMs),
});

async function keysOf(tenants: Tenants, reference: string | null): Promise<KeyStatus[]> {
  const teams = reference === null ? await tenants.listTeams() : [await tenants.team(reference)];
  const lists = await Promise.all(
    teams.map(async ({ id, slug }) => {
      const records = await tenants.listKeys(id);
      return records.map((record) => keyStatus(slug, record));
    }),
  );
  return lists.flat();
}

/** Teams and keys on the admin socket; see spec/admin.yml. */
export function tenancyRoutes(tenants: Tenants): AdminRoute[] {
  return [
    {
      method: "GET",
      path: "/v1/teams",
      run: async () => ({ status: 200, body: (await tenants.listTeams()).map(teamStatus) }),
    },
    {
      method: "POST",
      path: "/v1/teams",
      async run({ body }) {
        const { slug, name } = read(newTeam, body);
        return { status: 201, body: teamStatus(await tenants.createTeam(slug, name ?? slug)) };
      },
    },
    {
      method: "PATCH",
      path: "/v1/teams/:team",
      async run({ params, body }) {
        const { limits: changed, blocked } = read(teamChange, body);
        const change = present({ limits: changed && present(changed), blocked });
        return { status: 200, body: teamStatus(await tenants.changeTeam(params["team"] ?? "", change)) };
      },
    },
    {
      method: "GET",
      path: "/v1/api-keys",
      run: async ({ query }) => ({ status: 200, body: await keysOf(tenants, query.get("team")) }),
    },
    {
      method: "POST",
      path: "/v1/api-keys",
      async run({ body }) {
        const wanted = read(newKey, body);
        const team = await tenants.team(wanted.team);
        const { key, record } = await tenants.createKey(team.id, wanted.name);
        return { status: 201, body: { ...keyStatus(team.slug, record), key } };
      },
    },
    {
      method: "DELETE",
      path: "/v1/api-keys/:id",
      async run({ params }) {
        await tenants.revokeAnyKey(params["id"] ?? "");
        return { status: 200, body: {} };
      },
    },
  ];
}
