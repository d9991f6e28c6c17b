// `npm run check`: everything about the sources that a machine can see, in about ten seconds.
import { spawnSync } from "node:child_process";
import { checkLayers } from "./check/layers.ts";
import { checkSizes } from "./check/sizes.ts";
import { checkGenerated } from "./generate.ts";

interface Check {
  name: string;
  /** Problems found, one line each. */
  run: () => string[] | Promise<string[]>;
}

const program =
  (file: string, ...args: string[]) =>
  (): string[] => {
    const result = spawnSync(file, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
    if (result.error) return [`${file} could not be run: ${result.error.message}`];
    return result.status === 0 ? [] : [result.stdout + result.stderr];
  };

const checks: Check[] = [
  { name: "format", run: program("oxfmt", "--check") },
  { name: "lint", run: program("oxlint", "--type-aware") },
  { name: "types", run: program("tsc", "-p", ".") },
  { name: "layers", run: checkLayers },
  { name: "file sizes", run: checkSizes },
  { name: "generated files", run: checkGenerated },
  { name: "unused code", run: program("knip") },
];

let failed = 0;
for (const { name, run } of checks) {
  const problems = await run();
  console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${name}`);
  for (const problem of problems) console.log(problem);
  if (problems.length > 0) failed++;
}
console.log(`${checks.length - failed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed > 0 ? 1 : 0;
