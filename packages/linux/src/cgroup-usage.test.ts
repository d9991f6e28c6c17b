import { expect, test } from "vitest";
import { cgroupUsage, parseCounters } from "./cgroup-usage.ts";

test("counters are lines of a name and a number", () => {
  expect([...parseCounters("usage_usec 120\nuser_usec 7\n\n")]).toEqual([
    ["usage_usec", 120],
    ["user_usec", 7],
  ]);
});

test("a group that does not exist has no usage", () => {
  expect(cgroupUsage("/sandbank-no-such-group/i0")).toBeUndefined();
});
