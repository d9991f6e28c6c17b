import type { components } from "@sandbank/protocol/gen/openapi";
import { headers } from "@sandbank/protocol/headers";
import type { Secret } from "@sandbank/store/secrets";
import type { ControlPlane } from "../control-plane.ts";
import { spreadSecret } from "../use-cases/sandbox-secrets.ts";
import { createSecret, deleteSecret, getSecret, updateSecret } from "../use-cases/secrets.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import type { Handlers } from "./operation-types.ts";

const rfc3339 = (ms: number): string => new Date(ms).toISOString();

const secretView = (secret: Secret): components["schemas"]["Secret"] => ({
  secretID: secret.id,
  name: secret.name,
  currentVersion: secret.currentVersion,
  metadata: secret.metadata,
  createdAt: rfc3339(secret.createdAtMs),
  updatedAt: rfc3339(secret.updatedAtMs),
});

/** Handlers of everything under `/secrets`; none of them answers with a value. */
export function secretHandlers(plane: ControlPlane): Handlers {
  return {
    async listSecrets({ team, query }) {
      const limit = query.limit ?? 100;
      const after = decodeCursor(query.nextToken, "desc");
      const found = await plane.store.secrets.page({
        teamId: team.id,
        // One more than asked for tells whether another page follows.
        limit: limit + 1,
        after: after && { createdAtMs: after.startedAtMs, id: after.id },
      });
      const page = found.slice(0, limit);
      const last = found.length > limit ? page.at(-1) : undefined;
      const next = last && encodeCursor({ startedAtMs: last.createdAtMs, id: last.id }, "desc");
      const nextHeaders: Record<string, string> = next === undefined ? {} : { [headers.nextToken]: next };
      return { status: 200, body: page.map(secretView), headers: nextHeaders };
    },
    async createSecret({ team, body }) {
      const { name, value, metadata = {} } = body;
      const secret = await createSecret(plane, team.id, { name, value, metadata });
      // A rule may refer to one of that name that was deleted before.
      await spreadSecret(plane, team.id, secret);
      return { status: 201, body: secretView(secret) };
    },
    async getSecret({ team, path }) {
      return { status: 200, body: secretView(await getSecret(plane, team.id, path.secretID)) };
    },
    async updateSecret({ team, path, body }) {
      const { value, metadata } = body;
      const secret = await updateSecret(plane, team.id, path.secretID, { value, metadata });
      await spreadSecret(plane, team.id, secret);
      return { status: 200, body: secretView(secret) };
    },
    async deleteSecret({ team, path }) {
      const secret = await deleteSecret(plane, team.id, path.secretID);
      await spreadSecret(plane, team.id, secret);
      return { status: 204, body: undefined };
    },
  };
}
