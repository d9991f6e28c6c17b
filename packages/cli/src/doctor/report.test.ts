import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { repositoryDir } from "../config/paths.ts";
import { formatReport } from "./format.ts";
import { type DoctorReport, exitCode } from "./report.ts";

const schema = JSON.parse(readFileSync(join(repositoryDir, "spec/doctor.schema.json"), "utf8")) as object;
const isReport = new Ajv2020().compile(schema);

const well: DoctorReport = {
  host: {
    verdict: "healthy",
    checks: [{ name: "kernel", ok: true, evidence: "Linux", meaning: null, remedy: null }],
  },
  sandboxes: [],
  orphans: [],
};

const broken: DoctorReport["sandboxes"][number] = {
  sandboxID: "i1",
  isolation: "gvisor",
  verdict: "broken",
  layer: "link",
  evidence: "upl (sb-r-1) is down",
  meaning: "something took it down",
  remedy: "sandbank doctor i1 --fix",
  layers: [
    { layer: "device", ok: true, ms: 1.5, evidence: "four devices" },
    { layer: "link", ok: false, ms: 0.1, evidence: "upl (sb-r-1) is down" },
  ],
};

const leak = { kind: "netns", name: "sb-r-9", evidence: "it exists", remedy: "remove it" } as const;

test("the worst of host, sandboxes and leaks decides", () => {
  expect(exitCode(well)).toBe(0);
  expect(exitCode({ ...well, orphans: [leak] })).toBe(1);
  expect(exitCode({ ...well, host: { ...well.host, verdict: "degraded" } })).toBe(1);
  expect(exitCode({ ...well, sandboxes: [broken], orphans: [leak] })).toBe(2);
});

test("reports are as the contract says, and others are not", () => {
  const fixes = [{ target: "i1", ok: true, did: ["all"] }];
  expect(isReport({ ...well, sandboxes: [broken], orphans: [leak], fixes })).toBe(true);
  expect(isReport({ ...well, sandboxes: [{ ...broken, layer: "nowhere" }] })).toBe(false);
  expect(isReport({ ...well, more: 1 })).toBe(false);
});

test("people read layer, evidence, meaning and remedy; what is below the broken layer in a line each", () => {
  const text = formatReport({ ...well, sandboxes: [broken], orphans: [leak] }, { single: false });
  expect(text).toContain("✗ i1 (gvisor): broken at layer link");
  expect(text).toContain("✓ device   four devices (1.5 ms)");
  expect(text).toMatch(
    /evidence {2}upl \(sb-r-1\) is down\n +means +something took it down\n +remedy +sandbank doctor i1 --fix/,
  );
  expect(text).toContain("! netns sb-r-9");
  expect(text.trimEnd().endsWith("verdict: broken")).toBe(true);
});
