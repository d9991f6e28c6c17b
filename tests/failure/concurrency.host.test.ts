import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { TestCloud } from "@sandbank/cli/testkit";
import { type CloudInQuestion, kernelTraces, type KernelTraces } from "./replay/agreement.ts";
import { KillableService } from "./replay/service.ts";
import type { Answer } from "./replay/wire.ts";
import { World } from "./replay/world.ts";
import { steady } from "./traces.ts";

/** How far from its time a sandbox may end. */
const evictionMs = 100;

describe.each([{ isolation: "container" }, { isolation: "gvisor" }] as const)(
  "$isolation: many at once on one sandbox",
  ({ isolation }) => {
    let cloud: TestCloud;
    let service: KillableService;
    let world: World;
    let question: CloudInQuestion;
    let before: KernelTraces;

    beforeAll(async () => {
      cloud = await TestCloud.create({ isolation });
      await cloud.up();
      const {
        E2B_API_URL: apiUrl = "",
        E2B_SANDBOX_URL: proxyUrl = "",
        E2B_API_KEY: apiKey = "",
      } = await cloud.environment();
      world = new World({ apiUrl, proxyUrl, apiKey });
      process.kill((await cloud.status())?.pid ?? Number.NaN, "SIGKILL");
      service = new KillableService(cloud);
      await service.start();
      question = { cloud, world, servicePid: () => service.pid };
      // The first sandbox makes what stays: the parent control group.
      await ask("DELETE", `/sandboxes/${await create()}`);
      before = await steady(() => kernelTraces(question));
    });
    afterAll(() => cloud.dispose());

    async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
      const answer = await world.call(method, path, { body });
      if (!answer) throw new Error(`${method} ${path}: the connection broke`);
      return answer;
    }

    const create = async (timeout = 300): Promise<string> =>
      String((await ask("POST", "/v2/sandboxes", { templateID: "base", timeout })).json["sandboxID"]);

    const fifty = <T>(work: (index: number) => Promise<T>): Promise<T[]> =>
      Promise.all(Array.from({ length: 50 }, (_, index) => work(index)));

    const endOf = async (id: string): Promise<number> =>
      Date.parse(String((await ask("GET", `/sandboxes/${id}`)).json["endAt"]));

    async function expectGone(id: string): Promise<void> {
      expect((await ask("GET", `/sandboxes/${id}`)).status).toBe(404);
      await vi.waitFor(async () => expect(await kernelTraces(question)).toEqual(before), {
        timeout: 20_000,
        interval: 200,
      });
      const ends = async () =>
        (await cloud.log()).match(new RegExp(`"sandboxId":"${id}".*"msg":"sandbox ended"`, "g"));
      // Once by the control plane, once by the node.
      await vi.waitFor(async () => expect(await ends()).toHaveLength(2), 30_000);
      expect((await ask("DELETE", `/sandboxes/${id}`)).status).toBe(404);
    }

    test("50 kills: all are told that it worked, it ends once", async () => {
      const id = await create();
      const statuses = (await fifty(() => ask("DELETE", `/sandboxes/${id}`))).map(({ status }) => status);
      expect(statuses.filter((status) => status !== 204 && status !== 404)).toEqual([]);
      expect(statuses).toContain(204);
      await expectGone(id);
    });

    test("50 connects: the longest wins, all get the same sandbox; 50 timeouts: one of them holds", async () => {
      const id = await create();
      const beganMs = Date.now();
      const connects = await fifty((n) => ask("POST", `/v2/sandboxes/${id}/connect`, { timeout: 400 + n }));
      expect(new Set(connects.map(({ status, bytes }) => `${status} ${bytes.toString()}`)).size).toBe(1);
      expect(connects[0]?.status).toBe(200);
      expect(await endOf(id)).toBeGreaterThanOrEqual(beganMs + 449_000);

      const timedMs = Date.now();
      const timeouts = await fifty((n) => ask("POST", `/sandboxes/${id}/timeout`, { timeout: 500 + 10 * n }));
      expect(new Set(timeouts.map(({ status }) => status))).toEqual(new Set([204]));
      const endMs = await endOf(id);
      // Within one of the 50, give or take what the calls took: far less than the 10 s between two.
      expect((endMs - timedMs - 500_000) % 10_000).toBeLessThan(5_000);
      expect(Date.parse((await cloud.sandboxes())[0]?.endAt ?? "")).toBe(endMs);
      await ask("DELETE", `/sandboxes/${id}`);
      await expectGone(id);
    });

    test("50 creates under one key make one sandbox", async () => {
      const headers = { "idempotency-key": "fifty-at-once" };
      const body = { templateID: "base" };
      const answers = await fifty(() => world.call("POST", "/v2/sandboxes", { body, headers }));
      expect(new Set(answers.map((answer) => answer?.status))).toEqual(new Set([201]));
      const ids = new Set(answers.map((answer) => String(answer?.json["sandboxID"])));
      expect(ids.size).toBe(1);
      expect(await world.listIds()).toEqual([...ids]);
      for (const id of ids) {
        await ask("DELETE", `/sandboxes/${id}`);
        await expectGone(id);
      }
    });

    test("kills among connects, timeouts, refreshes, reads and commands: a right answer to each", async () => {
      const created = await ask("POST", "/v2/sandboxes", { templateID: "base" });
      const id = String(created.json["sandboxID"]);
      const token = String(created.json["envdAccessToken"]);
      const calls: [expected: number[], work: () => Promise<{ status: number } | undefined>][] = [
        [[200, 404, 409], () => ask("POST", `/v2/sandboxes/${id}/connect`, { timeout: 900 })],
        [[204, 404, 409], () => ask("POST", `/sandboxes/${id}/timeout`, { timeout: 600 })],
        [[204, 404, 409], () => ask("POST", `/sandboxes/${id}/refreshes`, { duration: 700 })],
        [[200, 404], () => ask("GET", `/sandboxes/${id}`)],
        // A stream of a sandbox that dies is reset.
        [[200, 502, 0], async () => (await world.exec({ id, token }, "sleep 0.05")) ?? { status: 0 }],
      ];
      const kill: (typeof calls)[number] = [[204, 404], () => ask("DELETE", `/sandboxes/${id}`)];
      const answers = await fifty(async (n) => {
        const [expected, work] = (n >= 20 && n % 10 === 0 ? kill : calls[n % calls.length]) ?? kill;
        const { status } = (await work()) ?? { status: -1 };
        return expected.includes(status) ? undefined : `call ${n} gave ${status}`;
      });
      expect(answers.filter((problem) => problem !== undefined)).toEqual([]);
      await expectGone(id);
    });

    /** How long after its end the API still knew the sandbox. */
    async function measureLateness(id: string, endMs: number): Promise<number> {
      while ((await ask("GET", `/sandboxes/${id}`)).status === 200) {
        if (Date.now() > endMs + 10_000) throw new Error("it never ended");
        await sleep(5);
      }
      return Date.now() - endMs;
    }

    /** How long after their ends sandboxes are gone that end one second after the other. */
    async function measureAll(ids: string[], ends: number[]): Promise<number[]> {
      const lateness: number[] = [];
      for (const [index, id] of ids.entries())
        lateness.push(await measureLateness(id, ends[index] ?? Number.NaN));
      for (const id of ids) await expectGone(id);
      return lateness;
    }

    test(`ends within ${evictionMs} ms of its time, also when the service died and came back meanwhile`, async () => {
      const first = await Promise.all([3, 4, 5].map(create));
      const lateMs = await measureAll(first, await Promise.all(first.map(endOf)));

      const second = await Promise.all([12, 13, 14].map(create));
      const ends = await Promise.all(second.map(endOf));
      await service.kill();
      await service.start();
      expect(Date.now()).toBeLessThan(Math.min(...ends));
      const secondLateMs = await measureAll(second, ends);
      for (const measured of [lateMs, secondLateMs]) {
        // The least of them: the others tell how busy the machine is.
        expect(Math.min(...measured)).toBeGreaterThanOrEqual(0);
        expect(Math.min(...measured)).toBeLessThan(evictionMs);
      }
      console.log(
        `${isolation}: ended ${lateMs.join(", ")} and ${secondLateMs.join(", ")} ms after their time`,
      );
    });
  },
);
