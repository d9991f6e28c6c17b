import { afterEach, expect, test } from "vitest";
import { poll } from "@sandbank/core/deadline";
import { endShellGroups, startShellGroup } from "../testing/shell-groups.ts";
import { copiesIn, culpritOf, processIds, suspectOf } from "./census.ts";

afterEach(endShellGroups);

/** Gives the leader of a group when all of its processes are there. */
const startGroup = (script: string): Promise<number> =>
  startShellGroup("/bin/sh", `${script}\necho there; wait`);

/** Copies that copy themselves, as a bomb does, but only so deep. */
const tree = `
grow() { if [ "$1" -gt 0 ]; then grow $(($1 - 1)) & grow $(($1 - 1)) & fi; sleep 60; }
grow 4 &`;

test("copies of copies are counted, and their group is found among the rest", async () => {
  const group = await startGroup(tree);
  const enough = () => (copiesIn(group, processIds()) >= 24 ? true : undefined);
  expect(await poll(enough, { timeoutMs: 5000 })).toBe(true);
  // Whatever else starts on this machine meanwhile may be in a sample.
  const isFound = () => culpritOf(processIds().filter((pid) => pid >= group))?.group === group || undefined;
  expect(await poll(isFound, { timeoutMs: 5000 })).toBe(true);
});

test("workers of one parent and programs are no copies", async () => {
  const workers = await startGroup("for i in $(seq 40); do (sleep 60; true) & done");
  expect(copiesIn(workers, processIds())).toBe(0);
  const programs = await startGroup("for i in $(seq 40); do sleep 60 & done");
  expect(copiesIn(programs, processIds())).toBe(0);
  const workersOfWorkers = await startGroup(
    "for i in $(seq 20); do ((sleep 60; true) & sleep 60; true) & done",
  );
  expect(copiesIn(workersOfWorkers, processIds())).toBe(0);
  expect(suspectOf([process.pid, process.pid, process.pid, process.pid])).toBeUndefined();
});
