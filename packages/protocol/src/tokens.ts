import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** 64 hex digits; the same sandbox always gets the same token, so nothing needs to be stored. */
export const envdAccessToken = (seed: string, sandboxId: string): string =>
  createHmac("sha256", seed).update(sandboxId).digest("hex");

export const trafficAccessToken = (seed: string, sandboxId: string): string =>
  createHmac("sha256", seed).update(`sandbox-traffic-${sandboxId}`).digest("hex");

/** What a token for a volume's content says. */
export interface VolumeClaims {
  volumeId: string;
  teamId: string;
  expiresAtMs: number;
}

const signVolumeClaims = (seed: string, body: string): string =>
  createHmac("sha256", seed).update(`volume-token-${body}`).digest("base64url");

/** Opens one volume's content until it expires; nothing needs to be stored. */
export function volumeToken(seed: string, claims: VolumeClaims): string {
  const body = Buffer.from(JSON.stringify(claims)).toString("base64url");
  return `${body}.${signVolumeClaims(seed, body)}`;
}

/** What a token says; undefined when it was not made with `seed`, was changed, or has expired. */
export function readVolumeToken(seed: string, token: string): VolumeClaims | undefined {
  const [body = "", signature = "", ...rest] = token.split(".");
  if (rest.length > 0 || !tokensEqual(signature, signVolumeClaims(seed, body))) return undefined;
  const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as VolumeClaims;
  return claims.expiresAtMs > Date.now() ? claims : undefined;
}

/** How secrets are kept at rest: hex SHA-256. */
export const hashToken = (token: string): string => createHash("sha256").update(token).digest("hex");

/** Compares in a time that does not depend on where the texts differ. */
export function tokensEqual(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
