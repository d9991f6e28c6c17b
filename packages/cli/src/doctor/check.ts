import type { Verdict } from "@sandbank/orchestrator/doctor/report";

/** One thing of the machine that was looked at; spec/doctor.schema.json. */
export interface HostCheck {
  name: string;
  ok: boolean;
  evidence: string;
  meaning: string | null;
  remedy: string | null;
}

/** A check with how bad it is when it is not ok. */
export interface RatedCheck extends HostCheck {
  verdict: Verdict;
}

export const well = (name: string, evidence: string): RatedCheck => ({
  name,
  ok: true,
  evidence,
  meaning: null,
  remedy: null,
  verdict: "healthy",
});

interface Trouble {
  evidence: string;
  meaning: string;
  remedy: string;
}

/** Works, but not as it should. */
export const poor = (name: string, trouble: Trouble): RatedCheck => ({
  name,
  ok: false,
  ...trouble,
  verdict: "degraded",
});

/** Sandboxes can't be made or reached. */
export const bad = (name: string, trouble: Trouble): RatedCheck => ({
  name,
  ok: false,
  ...trouble,
  verdict: "broken",
});
