import { AppError } from "@sandbank/core/errors";
import { headers } from "@sandbank/protocol/headers";
import { hashToken, tokensEqual } from "@sandbank/protocol/tokens";
import type { Store } from "@sandbank/store/store";
import type { Team } from "@sandbank/store/teams";
import type { Volume } from "@sandbank/store/volumes";
import type { ControlPlane } from "../control-plane.ts";
import { openVolume } from "../use-cases/volume-content.ts";

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

function refuseBlocked(team: Team): void {
  if (!team.blocked) return;
  throw new AppError({ code: "permission_denied", message: `Team "${team.name}" is blocked` });
}

/** Gives a function that refuses whoever does not send the operator's token; `tokenHash` as `hashToken` makes it. */
export function operatorCheck(tokenHash: string | undefined): (requestHeaders: RequestHeaders) => void {
  return (requestHeaders) => {
    const token = requestHeaders[headers.adminToken];
    if (typeof token !== "string" || token === "") {
      throw refused("Missing admin token: send it in the X-Admin-Token header");
    }
    if (tokenHash === undefined || !tokensEqual(hashToken(token), tokenHash)) {
      throw refused("Invalid admin token");
    }
  };
}

/**
 * Gives a function that finds the team of a request's API key; the operator's token together with a team's id does as
 * well. It asks the store each time, so deleted keys end at once.
 */
export function authenticator(
  store: Store,
  checkOperator: (requestHeaders: RequestHeaders) => void,
): (requestHeaders: RequestHeaders) => Promise<Caller> {
  const touched = new Map<string, number>();
  const asOperator = async (requestHeaders: RequestHeaders): Promise<Caller> => {
    checkOperator(requestHeaders);
    const teamId = requestHeaders[headers.teamId];
    const team = typeof teamId === "string" ? await store.teams.get(teamId) : undefined;
    if (!team) throw refused("Missing or unknown team: send its id in the X-Team-ID header");
    refuseBlocked(team);
    return { team, keyId: undefined, key: undefined };
  };
  return async (requestHeaders) => {
    if (requestHeaders[headers.adminToken] !== undefined) return asOperator(requestHeaders);
    const key = requestHeaders[headers.apiKey] ?? bearerToken(requestHeaders);
    if (typeof key !== "string" || key === "") {
      throw refused("Missing API key: send one in the X-API-Key header");
    }
    const found = await store.apiKeys.authenticate(key);
    if (!found) throw refused("Invalid API key");
    refuseBlocked(found.team);
    const nowMs = Date.now();
    if (nowMs - (touched.get(found.record.id) ?? 0) > lastUsePrecisionMs) {
      touched.set(found.record.id, nowMs);
      await store.apiKeys.touch(found.record.id, nowMs);
    }
    return { team: found.team, keyId: found.record.id, key };
  };
}

/** Gives a function that finds the volume of a request's bearer token, which must be the one in its path. */
export function volumeAuthenticator(
  plane: ControlPlane,
): (requestHeaders: RequestHeaders, volumeId: string) => Promise<{ volume: Volume; team: Team }> {
  return async (requestHeaders, volumeId) => {
    const token = bearerToken(requestHeaders);
    if (token === undefined) {
      throw refused("Missing volume token: send it as a bearer token in the Authorization header");
    }
    return openVolume(plane, volumeId, token);
  };
}
