import { AppError } from "@sandbank/core/errors";
import type { TeamLimits } from "@sandbank/store/teams";

const hourMs = 3_600_000;

/** `timeoutSec` in ms; rejects with `invalid_argument` above the team's maximum. Negative counts as 0. */
export function checkedTimeoutMs(timeoutSec: number, limits: TeamLimits): number {
  const timeoutMs = Math.max(0, timeoutSec) * 1000;
  if (timeoutMs > limits.maxLengthMs) {
    const hours = Number((limits.maxLengthMs / hourMs).toFixed(2));
    throw new AppError({
      code: "invalid_argument",
      message: `Timeout cannot be greater than ${hours} hours (the team's limit maxLengthMs)`,
    });
  }
  return timeoutMs;
}

/** `timeoutMs` from now, but no later than the sandbox's greatest length allows. */
export const endFrom = (nowMs: number, startedAtMs: number, timeoutMs: number, limits: TeamLimits): number =>
  Math.min(nowMs + timeoutMs, startedAtMs + limits.maxLengthMs);
