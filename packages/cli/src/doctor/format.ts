import type { Fix, Orphan, SandboxReport, Verdict } from "@sandbank/orchestrator/doctor/report";
import type { HostReport } from "./host-checks.ts";
import { type DoctorReport, overall } from "./report.ts";

const marks: Record<Verdict, string> = { healthy: "✓", degraded: "!", broken: "✗" };
const mark = (ok: boolean): string => (ok ? marks.healthy : marks.broken);

/** `label` in a column of its own, further lines of `text` below its first. */
function row(label: string, text: string): string {
  const indent = " ".repeat(14);
  return `    ${label.padEnd(10)}${text.trim().replaceAll("\n", `\n${indent}`)}\n`;
}

const advice = (meaning: string | null, remedy: string | null): string =>
  (meaning === null ? "" : row("means", meaning)) + (remedy === null ? "" : row("remedy", remedy));

function hostText({ verdict, checks }: HostReport): string {
  const width = Math.max(...checks.map(({ name }) => name.length)) + 2;
  const lines = checks.map(
    ({ name, ok, evidence, meaning, remedy }) =>
      `  ${mark(ok)} ${name.padEnd(width)}${evidence}\n${ok ? "" : advice(meaning, remedy)}`,
  );
  return `host: ${verdict}\n${lines.join("")}`;
}

function sandboxText(report: SandboxReport, withLayers: boolean): string {
  const { sandboxID, isolation, verdict, layer, evidence, meaning, remedy, layers } = report;
  const at = layer === null ? "" : ` at layer ${layer}`;
  const head = `  ${marks[verdict]} ${sandboxID} (${isolation}): ${verdict}${at}\n`;
  const way =
    withLayers || verdict !== "healthy"
      ? layers
          .filter((each) => each.layer !== layer)
          .map((each) => `    ${mark(each.ok)} ${each.layer.padEnd(8)} ${each.evidence} (${each.ms} ms)\n`)
          .join("")
      : "";
  if (verdict === "healthy") return head + way;
  return `${head}${way}${row("evidence", evidence)}${advice(meaning, remedy)}`;
}

const orphanText = ({ kind, name, evidence, remedy }: Orphan): string =>
  `  ! ${kind} ${name}\n${row("evidence", evidence)}${row("remedy", remedy)}`;

const fixText = ({ target, ok, did }: Fix): string =>
  `  ${mark(ok)} ${target}\n${did.map((step) => `      ${step}\n`).join("")}`;

/** For people: what is well in a line each, what is not with all that is known. */
export function formatReport(report: DoctorReport, options: { single: boolean }): string {
  const { host, sandboxes, orphans, fixes } = report;
  const sections = [
    ...(fixes ? [`repairs: ${fixes.length}\n${fixes.map(fixText).join("")}`] : []),
    hostText(host),
    `sandboxes: ${sandboxes.length}\n${sandboxes.map((each) => sandboxText(each, options.single)).join("")}`,
    ...(options.single ? [] : [`orphans: ${orphans.length}\n${orphans.map(orphanText).join("")}`]),
    `verdict: ${overall(report)}\n`,
  ];
  return sections.join("\n");
}
