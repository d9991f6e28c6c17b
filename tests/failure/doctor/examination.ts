import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "vitest";
import { run } from "@sandbank/linux/command";
import { repositoryDir } from "@sandbank/cli/testkit";
import type { CloudUnderTest } from "../cloud.ts";

export interface SandboxReport {
  sandboxID: string;
  isolation: string;
  verdict: string;
  layer: string | null;
  evidence: string;
  meaning: string | null;
  remedy: string | null;
  layers: { layer: string; ok: boolean; ms: number; evidence: string }[];
}

export interface DoctorReport {
  host: {
    verdict: string;
    checks: { name: string; ok: boolean; evidence: string; meaning: string | null; remedy: string | null }[];
  };
  sandboxes: SandboxReport[];
  orphans: { kind: string; name: string; evidence: string; remedy: string }[];
  fixes?: { target: string; ok: boolean; did: string[] }[];
}

export interface Examination {
  report: DoctorReport;
  exitCode: number;
  /** From the command line to the end of the process. */
  tookMs: number;
}

const schema = JSON.parse(readFileSync(join(repositoryDir, "spec/doctor.schema.json"), "utf8")) as object;
const isReport = new Ajv2020({ allErrors: true }).compile(schema);

/** `sandbank doctor ARGS --json` as its users type it; every report must be as the contract says. */
export const examine = (under: CloudUnderTest, ...args: string[]): Promise<Examination> =>
  examineWithin(under, [], ...args);

/** The same under a program that changes what it sees of the machine. */
export async function examineWithin(
  under: CloudUnderTest,
  wrapper: string[],
  ...args: string[]
): Promise<Examination> {
  const begun = performance.now();
  const command = ["doctor", ...args, "--json"];
  const { stdout, stderr, exitCode } = await under.cloud.command(command, undefined, wrapper);
  const tookMs = performance.now() - begun;
  if (stdout === "") throw new Error(`doctor said nothing but ${stderr}`);
  return { report: asReport(stdout), exitCode, tookMs };
}

/** What the service finds itself: the same report over the admin socket. */
export async function examinedByService(under: CloudUnderTest): Promise<DoctorReport> {
  const socket = join(under.cloud.dir, "run", "admin.sock");
  return asReport(await run("curl", ["-s", "--unix-socket", socket, "http://admin/v1/doctor"]));
}

function asReport(text: string): DoctorReport {
  const report = JSON.parse(text) as DoctorReport;
  expect(isReport(report), JSON.stringify(isReport.errors)).toBe(true);
  return report;
}

/** A mount namespace of doctor's own, with something else mounted first. */
export const withMount = (command: string): string[] => [
  "unshare",
  "--mount",
  "sh",
  "-c",
  `mount ${command} && exec "$@"`,
  "sh",
];

export function reportOn({ report }: Examination, sandboxId: string): SandboxReport {
  const found = report.sandboxes.find(({ sandboxID }) => sandboxID === sandboxId);
  if (!found) throw new Error(`no report on ${sandboxId}`);
  return found;
}

/** Sandboxes that are not healthy, apart from one. */
export const othersIll = ({ report }: Examination, sandboxId: string): SandboxReport[] =>
  report.sandboxes.filter(({ sandboxID, verdict }) => sandboxID !== sandboxId && verdict !== "healthy");

export const failedChecks = ({ report }: Examination): DoctorReport["host"]["checks"] =>
  report.host.checks.filter(({ ok }) => !ok);
