import { expect, test } from "vitest";
import type { Isolation, RuntimeDriver } from "./contract.ts";
import { chooseDriver } from "./drivers.ts";

function driver(name: string, isolation: Isolation, usable: boolean): RuntimeDriver {
  const unused = (): Promise<never> => Promise.reject(new Error("not part of this test"));
  return {
    name,
    isolation,
    capabilities: { pause: false, memorySnapshot: false, liveFork: false, ownNetworkStack: false },
    sharedMounts: [],
    probe: async () => ({ usable, evidence: usable ? "booted" : "did not boot" }),
    start: unused,
    find: unused,
  };
}

const broken = driver("strong", "gvisor", false);
const works = driver("weak", "container", true);

test("auto takes the first that boots and says what it tried", async () => {
  const { driver: chosen, tried } = await chooseDriver([broken, works], "auto");
  expect(chosen).toBe(works);
  expect(tried).toEqual([
    { name: "strong", result: "did not boot" },
    { name: "weak", result: "booted" },
  ]);
});

test.each(["weak", "container"])("takes what is asked for by %s", async (wanted) => {
  const strong = driver("strong", "gvisor", true);
  expect((await chooseDriver([strong, works], wanted)).driver).toBe(works);
});

test("never falls back from what was asked for", async () => {
  await expect(chooseDriver([broken, works], "gvisor")).rejects.toMatchObject({
    reason: "runtime_unavailable",
    message: expect.stringContaining("strong: did not boot") as string,
  });
});

test.each([
  [[], "auto", "no runtime is installed"],
  [[works], "microvm", 'no driver is called "microvm"'],
] as [RuntimeDriver[], string, string][])("says why nothing is left (%#)", async (drivers, wanted, why) => {
  await expect(chooseDriver(drivers, wanted)).rejects.toThrow(why);
});
