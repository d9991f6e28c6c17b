import { AppError } from "@sandbank/core/errors";
import type { ApiKey } from "@sandbank/store/api-keys";
import type { Store } from "@sandbank/store/store";
import type { Team, TeamLimits } from "@sandbank/store/teams";

/** A team with what it may use, its own limits and the server's defaults taken together. */
export interface TeamState extends Team {
  effectiveLimits: TeamLimits;
}

export interface TeamChange {
  /** Null takes a limit back to the server's default; absent ones stay. */
  limits?: { [Name in keyof TeamLimits]?: number | null };
  blocked?: boolean;
}

const teamNotFound = (reference: string): AppError =>
  new AppError({ code: "not_found", message: `Team "${reference}" was not found` });

const keyNotFound = (id: string): AppError =>
  new AppError({ code: "not_found", message: `API key "${id}" was not found` });

/** What an operator does to teams and their keys. Teams are named by slug or id; unknown ones reject with `not_found`. */
export class Tenants {
  readonly #store: Store;
  readonly #defaults: TeamLimits;

  constructor(store: Store, defaults: TeamLimits) {
    this.#store = store;
    this.#defaults = defaults;
  }

  #stateOf(team: Team): TeamState {
    return { ...team, effectiveLimits: { ...this.#defaults, ...team.limits } };
  }

  async team(reference: string): Promise<Team> {
    const { teams } = this.#store;
    const team = (await teams.findBySlug(reference)) ?? (await teams.get(reference));
    if (!team) throw teamNotFound(reference);
    return team;
  }

  async listTeams(): Promise<TeamState[]> {
    return (await this.#store.teams.list()).map((team) => this.#stateOf(team));
  }

  /** Rejects with `already_exists` when the slug is taken. */
  async createTeam(slug: string, name: string): Promise<TeamState> {
    if (await this.#store.teams.findBySlug(slug)) {
      throw new AppError({ code: "already_exists", message: `There is a team "${slug}" already` });
    }
    return this.#stateOf(await this.#store.teams.ensure(slug, { name }));
  }

  async changeTeam(reference: string, change: TeamChange): Promise<TeamState> {
    const team = await this.team(reference);
    const merged = Object.entries({ ...team.limits, ...change.limits });
    const limits: Partial<TeamLimits> = Object.fromEntries(merged.filter(([, value]) => value !== null));
    const blocked = change.blocked ?? team.blocked;
    await this.#store.teams.update(team.id, { limits, blocked });
    return this.#stateOf({ ...team, limits, blocked });
  }

  async listKeys(teamId: string): Promise<ApiKey[]> {
    return this.#store.apiKeys.list(teamId);
  }

  /** `key` is told here only. `createdBy` is the id of the key that asked. */
  async createKey(
    teamId: string,
    name: string,
    createdBy?: string,
  ): Promise<{ key: string; record: ApiKey }> {
    return this.#store.apiKeys.create(teamId, name, createdBy);
  }

  async renameKey(teamId: string, id: string, name: string): Promise<void> {
    if (!(await this.#store.apiKeys.rename(teamId, id, name))) throw keyNotFound(id);
  }

  /** The next request with the key is refused. */
  async revokeKey(teamId: string, id: string): Promise<void> {
    if (!(await this.#store.apiKeys.delete(teamId, id))) throw keyNotFound(id);
  }

  /** Like `revokeKey`, whichever team has it. */
  async revokeAnyKey(id: string): Promise<void> {
    const teamId = await this.#store.apiKeys.teamOf(id);
    if (teamId === undefined) throw keyNotFound(id);
    await this.revokeKey(teamId, id);
  }
}
