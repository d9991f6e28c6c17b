import { expect, test } from "vitest";
import { Semaphore } from "./semaphore.ts";

test("at most the permitted number work, a bounded number wait, the rest are refused", async () => {
  const semaphore = new Semaphore("a start", 2, 1);
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
