import { expect, test } from "vitest";
import { Semaphore } from "./semaphore.ts";

test("at most the permitted number work, a bounded number wait, the rest are refused", async () => {
  const semaphore = new Semaphore({ name: "a start", permits: 2, maxWaiting: 1, maxWaitMs: 10_000 });
  const gate = Promise.withResolvers<void>();
  let working = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, ++working);
    await gate.promise;
    working--;
  };
  const accepted = [semaphore.run(work), semaphore.run(work), semaphore.run(work)];
  await expect(semaphore.run(work)).rejects.toMatchObject({ code: "resource_exhausted" });
  gate.resolve();
  await Promise.all(accepted);
  expect(most).toBe(2);
  await semaphore.run(work);
});

test("waiting ends after its time, and whoever gave up does not take a turn", async () => {
  const semaphore = new Semaphore({ name: "a start", permits: 1, maxWaiting: 9, maxWaitMs: 30 });
  const gate = Promise.withResolvers<void>();
  const holder = semaphore.run(() => gate.promise);
  await expect(semaphore.run(() => Promise.resolve())).rejects.toMatchObject({
    code: "unavailable",
    reason: "sandbox_placement_timeout",
    retryAfterSec: 2,
  });
  const next = semaphore.run(() => Promise.resolve("done"));
  gate.resolve();
  await holder;
  expect(await next).toBe("done");
  expect(await semaphore.run(() => Promise.resolve("free"))).toBe("free");
});
