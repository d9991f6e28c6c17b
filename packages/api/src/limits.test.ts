import { afterEach, beforeEach, expect, test } from "vitest";
import { AppError } from "@sandbank/core/errors";
import { defaultLimits } from "./server.ts";
import { RateLimiter } from "./http/rate-limiter.ts";
import { TestApi, type TestAnswer } from "./testing/test-api.ts";

let t: TestApi;
beforeEach(async () => {
  t = await TestApi.start();
});
afterEach(() => t.close());

const create = (): Promise<TestAnswer> => t.call("POST", "/v2/sandboxes", { templateID: "base" });
const messageOf = (answer: TestAnswer): string => String(answer.body["message"]);

test.each([
  ["maxCpuCount", 4, "--max-cpus", "SANDBANK_MAX_CPUS"],
  ["maxMemoryMib", 1100, "--max-memory-mib", "SANDBANK_MAX_MEMORY_MIB"],
  ["maxDiskMib", 2048, "--max-disk-mib", "SANDBANK_MAX_DISK_MIB"],
  ["maxSandboxes", 2, "--max-sandboxes", "SANDBANK_MAX_SANDBOXES"],
] as const)(
  "%s holds under a burst; the refusal says where it is set",
  async (limit, value, option, setting) => {
    await t.api.tenants.changeTeam("default", { limits: { [limit]: value } });
    const answers = await Promise.all([create(), create(), create(), create()]);
    const refused = answers.filter((answer) => answer.status === 429);
    expect(refused).toHaveLength(2);
    for (const answer of refused) {
      expect(answer.body["error_code"]).toBe("team_limit_reached");
      for (const text of [limit, String(value), `sandbank team limits default ${option}`]) {
        expect(messageOf(answer)).toContain(text);
      }
      expect(answer.headers.get("retry-after")).toBe("1");
      expect(answer.headers.get("should-retry")).toBe("false");
    }
    await t.api.tenants.changeTeam("default", { limits: { [limit]: null } });
    expect((await create()).status).toBe(201);
    const withDefaults = await TestApi.start({ limits: { [limit]: 0 } });
    const byDefault = await withDefaults.call("POST", "/v2/sandboxes", { templateID: "base" });
    expect(messageOf(byDefault)).toContain(`for every team, with ${setting}`);
    await withDefaults.close();
  },
);

test("requests over the rate are refused before they do anything, with what is left and when to come back", async () => {
  await t.api.tenants.changeTeam("default", { limits: { maxKeyRequestsPerSec: 2 } });
  const answers: TestAnswer[] = [];
  for (let i = 0; i < 6; i++) answers.push(await t.call("GET", "/sandboxes"));
  const refused = answers.filter((answer) => answer.status === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(answers[0]?.headers.get("ratelimit-limit")).toBe("4");
  expect(answers[0]?.headers.get("ratelimit-remaining")).toBe("3");
  const last = refused.at(-1);
  expect(last?.headers.get("ratelimit-remaining")).toBe("0");
  expect(last?.headers.get("retry-after")).toBe("1");
  expect(last?.headers.get("should-retry")).toBeNull();
  expect(last && messageOf(last)).toMatch(/maxKeyRequestsPerSec of 2 .*--max-key-requests-per-sec N/);
});

test("buckets fill with time; a key's bucket and its team's are apart", () => {
  let nowMs = 0;
  const limiter = new RateLimiter(() => nowMs);
  const limits = { ...defaultLimits, maxRequestsPerSec: 10, maxKeyRequestsPerSec: 5 };
  const team = { id: "team", slug: "team", name: "team", limits: {}, blocked: false, createdAtMs: 0 };
  const take = (keyId: string): boolean => limiter.take({ team, keyId }, limits).refusal === undefined;
  const takeMany = (keyId: string, count: number): number =>
    Array.from({ length: count }, () => take(keyId)).filter(Boolean).length;
  expect(takeMany("a", 100)).toBe(10);
  expect(takeMany("b", 100)).toBe(10);
  expect(takeMany("c", 100)).toBe(0);
  nowMs += 1000;
  expect(takeMany("a", 100)).toBe(5);
  expect(takeMany("c", 100)).toBe(5);
});

test("creates that wait too long for a start on the node may be tried again", async () => {
  t.node.beforeCreate = () => {
    throw new AppError({ code: "unavailable", reason: "sandbox_placement_timeout", message: "waited 30 s" });
  };
  const answer = await create();
  expect([answer.status, answer.body["error_code"]]).toEqual([503, "sandbox_placement_timeout"]);
  expect(answer.headers.get("retry-after")).toBe("1");
  expect(answer.headers.get("should-retry")).toBeNull();
});

test("a burst of creates waits for the node and loses no connection", async () => {
  let starting = 0;
  let most = 0;
  const gates: (() => void)[] = [];
  t.node.beforeCreate = async () => {
    most = Math.max(most, ++starting);
    if (starting === 20) for (const open of gates) open();
    else await new Promise<void>((resolve) => gates.push(resolve));
  };
  const answers = await Promise.all(Array.from({ length: 20 }, create));
  expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 20 }, () => 201));
  expect(most).toBe(20);
});
