import { AppError } from "@sandbank/core/errors";
import type { Team, TeamLimits } from "@sandbank/store/teams";
import { howToRaise, limitTexts } from "../use-cases/team-limits.ts";
import type { Caller } from "./authentication.ts";

/** A burst may take as much as this time of the average rate. */
const burstSec = 2;
/** Full buckets are as good as none and are dropped beyond this many. */
const maxBuckets = 10_000;

interface Bucket {
  tokens: number;
  updatedMs: number;
}

/** How much of a limit is left after a request, for the RateLimit headers. */
interface Allowance {
  limit: "maxRequestsPerSec" | "maxKeyRequestsPerSec";
  perSec: number;
  /** Requests that pass at once when nothing was asked for a while. */
  burst: number;
  remaining: number;
  /** Until the whole burst is there again. */
  resetSec: number;
}

export interface RateLimitAnswer {
  headers: Record<"ratelimit-limit" | "ratelimit-remaining" | "ratelimit-reset", string>;
  /** Set when the request is refused. */
  refusal: AppError | undefined;
}

/** Token buckets, one per team and one per key; the tighter one decides. */
export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Counts one request. A refused one costs nothing, so that waiting always helps. */
  take({ team, keyId }: Pick<Caller, "team" | "keyId">, limits: TeamLimits): RateLimitAnswer {
    const allowances = [this.#look(team.id, "maxRequestsPerSec", limits)];
    if (keyId !== undefined) allowances.push(this.#look(keyId, "maxKeyRequestsPerSec", limits));
    const tightest = allowances.reduce((a, b) => (b.remaining < a.remaining ? b : a));
    const passes = tightest.remaining >= 1;
    if (passes) {
      for (const id of keyId === undefined ? [team.id] : [team.id, keyId]) this.#spend(id);
    }
    return {
      headers: {
        "ratelimit-limit": String(tightest.burst),
        "ratelimit-remaining": String(Math.max(0, Math.floor(tightest.remaining - 1))),
        "ratelimit-reset": String(Math.ceil(tightest.resetSec)),
      },
      refusal: passes ? undefined : refusal(team, tightest),
    };
  }

  #look(id: string, limit: Allowance["limit"], limits: TeamLimits): Allowance {
    const perSec = limits[limit];
    const burst = Math.max(1, perSec * burstSec);
    const nowMs = this.#now();
    const before = this.#buckets.get(id) ?? { tokens: burst, updatedMs: nowMs };
    const refilled = before.tokens + ((nowMs - before.updatedMs) / 1000) * perSec;
    const tokens = Math.min(burst, refilled);
    if (this.#buckets.size >= maxBuckets) this.#dropIdle(nowMs);
    this.#buckets.set(id, { tokens, updatedMs: nowMs });
    return { limit, perSec, burst, remaining: tokens, resetSec: (burst - tokens) / perSec };
  }

  #spend(id: string): void {
    const bucket = this.#buckets.get(id);
    if (bucket) bucket.tokens -= 1;
  }

  /** A bucket that was not touched for as long as a burst takes is full. */
  #dropIdle(nowMs: number): void {
    for (const [id, { updatedMs }] of this.#buckets) {
      if (nowMs - updatedMs > burstSec * 1000) this.#buckets.delete(id);
    }
  }
}

function refusal(team: Team, { limit, perSec, remaining }: Allowance): AppError {
  return new AppError({
    code: "resource_exhausted",
    reason: "rate_limit_reached",
    message:
      `Team "${team.name}" is over its limit ${limit} of ${perSec} ${limitTexts[limit].unit}: ` +
      `ask more slowly, or ${howToRaise(team, limit)}`,
    retryAfterSec: Math.max(1, Math.ceil((1 - remaining) / perSec)),
  });
}
