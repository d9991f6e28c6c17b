import { readFile } from "node:fs/promises";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export const noCounts: Counts = { passed: 0, failed: 0, skipped: 0 };

export const addCounts = (left: Counts, right: Counts): Counts => ({
  passed: left.passed + right.passed,
  failed: left.failed + right.failed,
  skipped: left.skipped + right.skipped,
});

export const countsLine = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

/**
 * A runner that fails without a failed test (a file that does not load, a crash) still counts as one failure,
 * and so does one that ran nothing.
 */
export function withExitCode(counts: Counts, exitCode: number): Counts {
  const ranNothing = counts.passed + counts.failed + counts.skipped === 0;
  if (counts.failed > 0 || (exitCode === 0 && !ranNothing)) return counts;
  return { ...counts, failed: 1 };
}

/** Counts of vitest's JSON report; none when there is no report. */
export async function vitestCounts(file: string): Promise<Counts> {
  const text = await readReport(file);
  if (text === undefined) return noCounts;
  const report = JSON.parse(text) as Record<
    "numPassedTests" | "numFailedTests" | "numPendingTests" | "numTodoTests",
    number
  >;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** Counts of a JUnit XML report, as pytest writes it; none when there is no report. */
export async function junitCounts(file: string): Promise<Counts> {
  const text = await readReport(file);
  const suite = text === undefined ? undefined : /<testsuite [^>]*>/.exec(text)?.[0];
  if (suite === undefined) return noCounts;
  const attribute = (name: string): number => Number(new RegExp(` ${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const failed = attribute("failures") + attribute("errors");
  const skipped = attribute("skipped");
  return { passed: attribute("tests") - failed - skipped, failed, skipped };
}

async function readReport(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
