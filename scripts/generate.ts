// Generated code: `npm run generate` writes it, `npm run check` compares it with what is committed.
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const genDir = "packages/protocol/src/gen";

function run(file: string, args: string[]): string[] {
  const result = spawnSync(file, args, { encoding: "utf8" });
  if (result.status === 0) return [];
  return [`${file} ${args.join(" ")}: ${result.error?.message ?? result.stdout + result.stderr}`];
}

/** Protocol buffers below `outDir`; gives what went wrong. */
const generateProtos = (outDir: string): string[] =>
  ["spec/node", "spec/envd"].flatMap((module) => run("buf", ["generate", module, "-o", outDir]));

/** Files whose committed text is not what the specification gives now; the tree is left as it was. */
export function checkGenerated(): string[] {
  const fresh = mkdtempSync(join(tmpdir(), "sandbank-gen-"));
  try {
    const problems = [...generateProtos(fresh), ...run("node", ["scripts/openapi/generate.ts", "--check"])];
    const protoFiles = (root: string): string[] => globSync(`${genDir}/**/*_pb.ts`, { cwd: root });
    const text = (root: string, file: string): string | undefined =>
      protoFiles(root).includes(file) ? readFileSync(join(root, file), "utf8") : undefined;
    const files = new Set([...protoFiles("."), ...protoFiles(fresh)]);
    return [
      ...problems,
      ...[...files]
        .filter((file) => text(".", file) !== text(fresh, file))
        .map((file) => `${file} is not what its specification gives: run "npm run generate"`),
    ];
  } finally {
    rmSync(fresh, { recursive: true });
  }
}

if (import.meta.main) {
  const problems = [...generateProtos("."), ...run("node", ["scripts/openapi/generate.ts"])];
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
