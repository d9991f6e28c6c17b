import { readBuildFacts } from "@sandbank/templates/build-facts";
import { diffBuilds, type SectionDiff } from "@sandbank/templates/diff";
import { readConfig } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { json, table } from "../output/table.ts";
import { AdminClient } from "../service/admin-client.ts";
import type { BuildStatus } from "../service/template-routes.ts";

/** What `--json` prints. */
export interface TemplateDiff {
  a: ComparedBuild;
  b: ComparedBuild;
  /** Whether nothing that matters for boot differs. */
  same: boolean;
  sections: SectionDiff[];
}

type ComparedBuild = Pick<
  BuildStatus,
  "templateID" | "names" | "buildID" | "status" | "createdAt" | "envdHash"
>;

/** Packages can differ in hundreds; the rest of them is in the JSON. */
const maxRowsPerSection = 60;
const maxCellLength = 60;

/** Prints what differs between two builds. */
export async function templateDiffCommand(a: string, b: string, options: { json?: boolean }): Promise<void> {
  const paths = pathsOf(readConfig());
  const client = new AdminClient(paths.adminSocket);
  const find = async (reference: string): Promise<BuildStatus> =>
    (await client.call("GET", `/v1/builds/${encodeURIComponent(reference)}`)) as BuildStatus;
  const [first, second] = [await find(a), await find(b)];
  const facts = await readBuildFacts(first.manifest, paths.layersDir);
  const others =
    first.buildID === second.buildID ? facts : await readBuildFacts(second.manifest, paths.layersDir);
  const sections = diffBuilds(facts, others);
  const diff: TemplateDiff = {
    a: withoutManifest(first),
    b: withoutManifest(second),
    same: sections.every(({ differences }) => differences.length === 0),
    sections,
  };
  process.stdout.write(options.json ? json(diff) : describe(diff));
}

const withoutManifest = ({ manifest: _manifest, ...rest }: BuildStatus): ComparedBuild => rest;

function describe(diff: TemplateDiff): string {
  const lines = [
    `A  ${title(diff.a)}`,
    `B  ${title(diff.b)}`,
    `Init and daemon are mounted by this node into both (${diff.a.envdHash}).`,
    ...(diff.same ? ["", "Nothing that matters for boot differs."] : []),
  ];
  for (const { section, same, differences } of diff.sections) {
    if (differences.length === 0) continue;
    const rows = differences
      .slice(0, maxRowsPerSection)
      .map((difference) => [`  ${difference.name}`, cell(difference.a), cell(difference.b)]);
    lines.push("", `${section}: ${differences.length} differ, ${same} the same`);
    lines.push(table([["", "A", "B"], ...rows]).trimEnd());
    const left = differences.length - rows.length;
    if (left > 0) lines.push(`  and ${left} more: --json has them`);
  }
  const equal = diff.sections.filter(({ differences }) => differences.length === 0);
  if (!diff.same && equal.length > 0) {
    lines.push("", `The same: ${equal.map(({ section, same }) => `${section} (${same})`).join(", ")}`);
  }
  return `${lines.join("\n")}\n`;
}

const title = ({ names, templateID, buildID, createdAt, status }: ComparedBuild): string =>
  `${names[0] ?? templateID}: build ${buildID} of ${createdAt.slice(0, 16).replace("T", " ")}${status === "ready" ? "" : ` (${status})`}`;

function cell(value: string | null): string {
  if (value === null) return "–";
  return value.length > maxCellLength ? `${value.slice(0, maxCellLength - 1)}…` : value;
}
