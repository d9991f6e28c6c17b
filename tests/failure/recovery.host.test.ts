import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Sandbox } from "e2b";
import type { TestCloud } from "@sandbank/cli/testkit";
import { CloudUnderTest } from "./cloud.ts";
import { countTraces, steady, type Traces } from "./traces.ts";

/** Once nothing is left of the work before, and all is there that stays. */
const settledTraces = (cloud: TestCloud, pid: number): Promise<Traces> =>
  steady(
    async () => {
      const traces = await countTraces(cloud, pid);
      expect(traces).toMatchObject({ processes: 0, zombies: 0, loopDevices: 0, cgroups: 0 });
      return traces;
    },
    (traces) => ({ ...traces, sockets: 0 }),
  );

describe.each([{ isolation: "container" }, { isolation: "gvisor" }] as const)(
  "$isolation",
  ({ isolation }) => {
    let under: CloudUnderTest;

    beforeAll(async () => {
      under = await CloudUnderTest.start({ isolation });
    });
    afterAll(() => under.cloud.dispose());

    test("sandboxes outlive a killed service, and their end is noticed with its exit code", async () => {
      const sandboxes = await Promise.all(Array.from({ length: 5 }, () => under.create()));
      const ids = sandboxes.map(({ sandboxId }) => sandboxId).toSorted();
      await Promise.all(
        sandboxes.map((sandbox, index) => sandbox.files.write("/home/user/mine", `file ${index}`)),
      );

      process.kill(await under.servicePid(), "SIGKILL");
      await vi.waitFor(async () => expect(await under.cloud.status()).toBeUndefined(), 30_000);
      await under.up();

      const statuses = await under.cloud.sandboxes();
      expect(statuses.map(({ sandboxID }) => sandboxID).toSorted()).toEqual(ids);
      expect(statuses.every((status) => status.isolation === isolation && status.state === "running")).toBe(
        true,
      );
      for (const [index, { sandboxId }] of sandboxes.entries()) {
        const again = await Sandbox.connect(sandboxId, under.sdk);
        const { stdout } = await again.commands.run("cat /home/user/mine");
        expect(stdout).toBe(`file ${index}`);
      }

      // The first process of the sandbox is the parent of envd: killing it from inside ends the sandbox.
      const [first, ...rest] = sandboxes;
      const doomed = statuses.find(({ sandboxID }) => sandboxID === first?.sandboxId);
      process.kill(doomed?.pid ?? Number.NaN, "SIGKILL");
      await vi.waitFor(async () => {
        expect((await under.cloud.sandboxes()).map(({ sandboxID }) => sandboxID)).not.toContain(
          first?.sandboxId,
        );
      }, 30_000);
      expect(await under.cloud.log()).toMatch(
        new RegExp(`"sandboxId":"${first?.sandboxId}","kind":"exited","exitCode":137`),
      );
      for (const sandbox of rest) expect(await Sandbox.kill(sandbox.sandboxId, under.sdk)).toBe(true);
      expect(await Sandbox.kill(first?.sandboxId ?? "", under.sdk)).toBe(false);
    }, 180_000);

    test("a sandbox that ended while the service was away is recorded with its exit code", async () => {
      const sandbox = await under.create();
      const [status] = await under.cloud.sandboxes();
      process.kill(await under.servicePid(), "SIGKILL");
      await vi.waitFor(async () => expect(await under.cloud.status()).toBeUndefined(), 30_000);
      process.kill(status?.pid ?? Number.NaN, "SIGKILL");
      await under.up();
      expect(await under.cloud.sandboxes()).toEqual([]);
      await expect(Sandbox.getInfo(sandbox.sandboxId, under.sdk)).rejects.toThrow("not found");
      expect(await under.cloud.log()).toMatch(
        new RegExp(`"${sandbox.sandboxId}".*137|137.*"${sandbox.sandboxId}"`),
      );
    }, 120_000);

    test("200 sandboxes come and go without a trace", async () => {
      const cycle = async (count: number): Promise<void> => {
        for (let done = 0; done < count; done += 4) {
          const batch = await Promise.all(Array.from({ length: 4 }, () => under.create()));
          await Promise.all(batch.map((sandbox) => sandbox.kill()));
        }
      };
      const pid = await under.servicePid();
      // The first ones warm caches and pools: descriptors that stay open on purpose are open after them.
      await cycle(20);
      const before = await settledTraces(under.cloud, pid);
      await cycle(200);
      await vi.waitFor(
        async () => {
          const after = await countTraces(under.cloud, pid);
          expect(after).toEqual({ ...before, sockets: after.sockets });
          expect(after.sockets).toBeLessThanOrEqual(before.sockets + 10);
        },
        { timeout: 20_000, interval: 500 },
      );
    }, 600_000);
  },
);
