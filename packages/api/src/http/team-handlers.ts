import { defaultTeamSlug } from "@sandbank/store/teams";
import type { Tenants } from "../use-cases/tenants.ts";
import { createdKeyView, keyView } from "./key-views.ts";
import type { Handlers } from "./operation-types.ts";

/** Handlers of what a team does with its own keys. */
export function teamHandlers(tenants: Tenants): Handlers {
  return {
    async listTeams({ team, caller }) {
      const body = [
        {
          teamID: team.id,
          name: team.name,
          // Keys are kept as hashes: the only one that can be told is the one that was sent.
          apiKey: caller.key ?? "",
          isDefault: team.slug === defaultTeamSlug,
        },
      ];
      return { status: 200, body };
    },
    async listApiKeys({ team }) {
      return { status: 200, body: (await tenants.listKeys(team.id)).map(keyView) };
    },
    async createApiKey({ team, caller, body }) {
      const { key, record } = await tenants.createKey(team.id, body.name, caller.keyId);
      return { status: 201, body: createdKeyView(key, record) };
    },
    async renameApiKey({ team, path, body }) {
      await tenants.renameKey(team.id, path.apiKeyID, body.name);
      return { status: 200, body: undefined };
    },
    async deleteApiKey({ team, path }) {
      await tenants.revokeKey(team.id, path.apiKeyID);
      return { status: 204, body: undefined };
    },
  };
}
