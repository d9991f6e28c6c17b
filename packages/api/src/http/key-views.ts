import type { components } from "@sandbank/protocol/gen/openapi";
import type { ApiKey } from "@sandbank/store/api-keys";

type Schemas = components["schemas"];

const rfc3339 = (ms: number): string => new Date(ms).toISOString();

/** A key as listings show it: its text can't be told from this. */
export function keyView(record: ApiKey): Schemas["TeamApiKey"] {
  const { createdBy, lastUsedAtMs } = record;
  return {
    id: record.id,
    name: record.name,
    mask: record.mask,
    createdAt: rfc3339(record.createdAtMs),
    // There are keys and no users here: a key's maker is the key that asked for it.
    createdBy: createdBy === undefined ? null : { id: createdBy, email: null },
    lastUsed: lastUsedAtMs === undefined ? null : rfc3339(lastUsedAtMs),
  };
}

/** The only answer that has a key's text. */
export const createdKeyView = (key: string, record: ApiKey): Schemas["CreatedTeamApiKey"] => ({
  ...keyView(record),
  key,
});
