import { expect, test } from "vitest";
import { compareBeliefs } from "./beliefs.ts";
import type { SandboxReport } from "./report.ts";

const healthy: SandboxReport = {
  sandboxID: "i1",
  isolation: "container",
  verdict: "healthy",
  layer: null,
  evidence: "all is well",
  meaning: null,
  remedy: null,
  layers: [],
};
const facts = { slots: [], sandboxes: ["i1"], inMotion: [] };
const stored = [{ sandboxId: "i1", state: "running", isolation: "container" }];

test("who agrees, or can't be asked, changes nothing", () => {
  expect(compareBeliefs(healthy, { facts, stored })).toBe(healthy);
  expect(compareBeliefs(healthy, { facts: undefined, stored: undefined })).toBe(healthy);
});

test("a sandbox that the service or the store does not have is degraded, and says who disagrees", () => {
  const unserved = compareBeliefs(healthy, { facts: { ...facts, sandboxes: [] }, stored });
  expect(unserved).toMatchObject({ verdict: "degraded", layer: null });
  expect(unserved.evidence).toContain("the service does not have it");
  const unstored = compareBeliefs(healthy, { facts, stored: [] });
  expect(unstored.evidence).toContain("the store has it as unknown");
});

test("what is broken stays what it is", () => {
  const broken: SandboxReport = { ...healthy, verdict: "broken", layer: "link" };
  expect(compareBeliefs(broken, { facts, stored: [] })).toBe(broken);
});
