import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { newSandboxId } from "@sandbank/core/ids";
import { silentLogger } from "@sandbank/core/logger";
import { type EgressPolicy, isOpenPolicy, openPolicy } from "@sandbank/protocol/egress-policy";
import { DecisionLog } from "./decision-log.ts";
import type { Decision } from "./decision.ts";
import { LearnedNames } from "./forwarder/learned-names.ts";
import { kernelEgress } from "./kernel-egress.ts";
import { PolicyView } from "./policy-view.ts";

const everything = "0.0.0.0/0";
const node = ["10.0.0.2", "192.0.2.53"];
const policy = (part: Partial<EgressPolicy>): EgressPolicy => ({ ...openPolicy, ...part });

test("only a policy that says something needs rules of its own", () => {
  expect(isOpenPolicy(openPolicy)).toBe(true);
  expect(isOpenPolicy(policy({ dnsServers: ["9.9.9.9"] }))).toBe(true);
  expect(isOpenPolicy(policy({ denyRanges: ["9.9.9.9/32"] }))).toBe(false);
  expect(isOpenPolicy(policy({ proxy: { host: "a.example", port: 1 } }))).toBe(false);
});

test("the kernel gets ranges, and hands over only what needs more", () => {
  const handOver = (part: Partial<EgressPolicy>) => kernelEgress(policy(part), node).handOver;
  expect(handOver({ allowRanges: ["9.9.9.9/32"], denyRanges: [everything] })).toEqual({
    allowed: false,
    denied: false,
  });
  expect(handOver({ allowDomains: ["a.example"], denyRanges: [everything] })).toEqual({
    allowed: false,
    denied: true,
  });
  expect(handOver({ proxy: { host: "a.example", port: 1 } })).toEqual({ allowed: true, denied: false });
  expect(handOver({ rules: [{ domain: "a.example", headers: {} }] })).toEqual({
    allowed: true,
    denied: false,
  });
});

test("resolvers: the node's unless they are denied; with names the usual ones, the policy's, or none", () => {
  const resolvers = (part: Partial<EgressPolicy>) => kernelEgress(policy(part), node).resolvers;
  const named = { allowDomains: ["a.example"], denyRanges: [everything] };
  expect(resolvers({})).toEqual(node);
  expect(resolvers({ denyRanges: ["10.0.0.0/8"] })).toEqual(["192.0.2.53"]);
  expect(resolvers({ denyRanges: [everything] })).toEqual([]);
  expect(resolvers({ denyRanges: [everything], allowRanges: ["192.0.2.0/24"] })).toEqual(["192.0.2.53"]);
  expect(resolvers(named)).toEqual([...node, "8.8.8.8"]);
  expect(resolvers({ ...named, dnsServers: [] })).toEqual([]);
  // One in a private range must be the node's own.
  expect(resolvers({ ...named, dnsServers: ["9.9.9.9", "10.0.0.3", "10.0.0.2"] })).toEqual([
    "9.9.9.9",
    "10.0.0.2",
  ]);
  // Without names they have no effect.
  expect(resolvers({ dnsServers: ["9.9.9.9"] })).toEqual(node);
});

test("addresses are judged in the kernel's order", () => {
  const view = new PolicyView(
    policy({ allowRanges: ["203.0.113.7/32", "10.0.0.0/8"], denyRanges: ["203.0.113.0/24"] }),
  );
  expect(view.byAddress("203.0.113.7")).toEqual({ allowed: true, by: "range" });
  expect(view.byAddress("203.0.113.8")).toEqual({ allowed: false, by: "range" });
  expect(view.byAddress("198.51.100.1")).toEqual({ allowed: true, by: "open" });
  for (const address of [
    "10.1.1.1",
    "127.0.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
  ]) {
    expect(view.byAddress(address), address).toEqual({ allowed: false, by: "private" });
  }
});

test("a name is waited for only where it decides something", () => {
  const named = new PolicyView(
    policy({ allowDomains: ["a.example"], allowRanges: ["9.9.9.9/32"], denyRanges: [everything] }),
  );
  expect(named.needsName("9.9.9.9")).toBe(false);
  expect(named.needsName("8.8.8.8")).toBe(true);
  expect(new PolicyView(policy({ rules: [{ domain: "a.example", headers: {} }] })).needsName("9.9.9.9")).toBe(
    true,
  );
  expect(new PolicyView(policy({ proxy: { host: "a.example", port: 1 } })).needsName("9.9.9.9")).toBe(false);
});

test("what is learned of names is bounded, and the newest name of an address counts", () => {
  const learned = new LearnedNames();
  learned.add("a.example", "203.0.113.1", 0);
  learned.add("b.example", "203.0.113.1", 0);
  expect(learned.nameOf("203.0.113.1")).toBe("b.example");
  for (let n = 0; n < 3_000; n++) learned.add("c.example", `198.18.${n >> 8}.${n & 255}`, 60);
  expect(learned.nameOf("203.0.113.1")).toBeUndefined();
  expect(learned.nameOf("198.18.11.183")).toBe("c.example");
});

test("a flood of decisions is put together and stays within its room", async () => {
  const dir = mkdtempSync(join(tmpdir(), "sandbank-decisions-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const sandboxId = newSandboxId();
  const log = new DecisionLog({ dir, maxBytes: 20_000, logger: silentLogger });
  onTestFinished(() => log.close());
  const decision: Decision = {
    sandboxId,
    verdict: "denied",
    reason: "kernel",
    protocol: "tcp",
    address: "203.0.113.1",
    port: 80,
  };
  for (let n = 0; n < 1_000; n++) log.record({ ...decision, count: 2 });
  log.flush();
  expect(log.written(sandboxId, "kernel")).toEqual(new Map([["tcp 203.0.113.1 80", 2_000]]));
  for (let round = 0; round < 20; round++) {
    for (let port = 1; port <= 500; port++) log.record({ ...decision, port });
    log.flush();
  }
  // What has just been written is read a moment later, so that nothing comes in behind a reader.
  await vi.waitFor(() => {
    const entries = log.read(sandboxId, { direction: "forward", limit: 10_000 });
    expect(entries.length).toBeLessThan(200);
    const last = { message: "more was decided than is listed", fields: { count: "300" } };
    expect(entries.at(-1)).toMatchObject(last);
  });
});
