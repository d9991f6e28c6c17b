import { expect, test } from "vitest";
import { slotNames } from "./addresses.ts";
import { routerRuleset } from "./rulesets.ts";
import { configureLines, slotPlan } from "./slot-plan.ts";

const identity = { tag: "sb", hostPrefix: "10.11" };
const names = slotNames(identity, 259);
const plan = slotPlan(names, identity);

test("every rule that the plan asks for is one that slots are made with", () => {
  const made = routerRuleset(names, {
    resolvers: [],
    allow: [],
    deny: [],
    handOver: { allowed: false, denied: false },
  });
  for (const { begins } of plan.rules) expect(made).toContain(`    ${begins}`);
});

test("a device has its address before it is up, and a route comes after its next hop", () => {
  expect(configureLines(plan, "router")).toEqual([
    "link set lo up",
    "addr replace 10.11.1.3/32 dev upl",
    "link set upl up",
    "addr replace 169.254.0.22/30 dev gw",
    "link set gw up",
    "neigh replace 169.254.0.1 lladdr 02:fb:00:00:00:01 dev upl nud permanent",
    "neigh replace 169.254.0.21 lladdr 02:fc:00:00:00:05 dev gw nud permanent",
    "route replace 169.254.0.1 dev upl",
    "route replace default via 169.254.0.1 dev upl",
  ]);
  expect(configureLines(plan, "host")).toEqual([
    "link set sbh259 up",
    "route replace 10.11.1.3 dev sbh259 src 10.11.255.254",
  ]);
});
