import { AppError } from "@sandbank/core/errors";
import { headers } from "@sandbank/protocol/headers";
import type { Store } from "@sandbank/store/store";
import type { Team } from "@sandbank/store/teams";

/** Whoever a request comes from. */
export interface Caller {
  team: Team;
  /** The API key that was sent; undefined when the operator acts for the team. */
  keyId: string | undefined;
  /** Its text. */
  key: string | undefined;
}

/** How exact a key's time of last use is. */
const lastUsePrecisionMs = 60_000;

type RequestHeaders = Record<string, string | string[] | undefined>;

const refused = (message: string): AppError => new AppError({ code: "unauthenticated", message });

/** Clients that log in, as E2B's CLI does, send their key as a bearer token. */
const bearerToken = ({ authorization }: RequestHeaders): string | undefined =>
  typeof authorization === "string" ? /^Bearer (\S+)$/i.exec(authorization)?.[1] : undefined;

/** Gives a function that finds the team of a request's API key. It asks the store each time, so deleted keys end at once. */
export function authenticator(store: Store): (requestHeaders: RequestHeaders) => Promise<Caller> {
  const touched = new Map<string, number>();
  return async (requestHeaders) => {
    const key = requestHeaders[headers.apiKey] ?? bearerToken(requestHeaders);
    if (typeof key !== "string" || key === "") {
      throw refused("Missing API key: send one in the X-API-Key header");
    }
    const found = await store.apiKeys.authenticate(key);
    if (!found) throw refused("Invalid API key");
    if (found.team.blocked) {
      throw new AppError({ code: "permission_denied", message: `Team "${found.team.name}" is blocked` });
    }
    const nowMs = Date.now();
    if (nowMs - (touched.get(found.record.id) ?? 0) > lastUsePrecisionMs) {
      touched.set(found.record.id, nowMs);
      await store.apiKeys.touch(found.record.id, nowMs);
    }
    return { team: found.team, keyId: found.record.id, key };
  };
}
