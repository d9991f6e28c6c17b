import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** 64 hex digits; the same sandbox always gets the same token, so nothing needs to be stored. */
export const envdAccessToken = (seed: string, sandboxId: string): string =>
  createHmac("sha256", seed).update(sandboxId).digest("hex");

export const trafficAccessToken = (seed: string, sandboxId: string): string =>
  createHmac("sha256", seed).update(`sandbox-traffic-${sandboxId}`).digest("hex");

/** How secrets are kept at rest: hex SHA-256. */
export const hashToken = (token: string): string => createHash("sha256").update(token).digest("hex");

/** Compares in a time that does not depend on where the texts differ. */
export function tokensEqual(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
