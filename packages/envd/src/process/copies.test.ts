import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { endShellGroups, startShellGroup } from "../testing/shell-groups.ts";
import { processIds } from "./census.ts";
import { copyThemselves } from "./copies.ts";

afterEach(endShellGroups);

/** Gives the processes of a group that has said `count` lines, and its leader. */
async function startGroup(script: string, count: number): Promise<[pids: number[], leader: number]> {
  const leader = await startShellGroup("bash", script, count);
  return [processIds().filter((each) => groupOf(each) === leader), leader];
}

function groupOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
  } catch {
    return undefined;
  }
}

/** What is picked is left to chance. */
const verdicts = ([pids, leader]: [number[], number]) =>
  new Set(Array.from({ length: 40 }, () => copyThemselves(pids, leader)));

test("a shell's bomb is one, whose processes end and leave orphans", async () => {
  const grow = `grow() {
    if [ "$1" -gt 0 ]; then grow $(($1 - 1)) & grow $(($1 - 1)) & fi
    echo; [ "$1" = 3 ] || sleep 60
  }`;
  const group = await startGroup(`${grow}; grow 5 & wait; sleep 60`, 63);
  // The last of those that end early may still be there.
  await expect.poll(() => verdicts(group), { timeout: 10_000 }).toContain(true);
});

test.each([
  ["workers of one parent", "for i in $(seq 40); do (echo; sleep 60; true) & done; wait"],
  ["programs", "for i in $(seq 40); do (echo; exec sleep 60) & done; wait"],
  ["programs in the background", "for i in $(seq 40); do (sleep 60 & echo); done; wait"],
  [
    "shells in shells",
    "for i in $(seq 20); do ( (echo; sleep 60; true) & (echo; sleep 60; true) & wait ) & done; wait",
  ],
  ["scripts", "for i in $(seq 40); do sh -c 'sh -c \"echo; sleep 60; true\"; true' & done; wait"],
])("%s are no bomb", async (_, script) => {
  expect(verdicts(await startGroup(script, 40))).not.toContain(true);
});
