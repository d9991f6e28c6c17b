import { expect, test } from "vitest";
import { KeyedLock } from "./keyed-lock.ts";

test("one key runs in order, also after a failure, and leaves nothing behind", async () => {
  const lock = new KeyedLock();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = lock.run("a", async () => {
    await gate.promise;
    order.push("first");
    throw new Error("first fails");
  });
  const second = lock.run("a", async () => order.push("second"));
  const other = lock.run("b", async () => order.push("other"));
  await other;
  gate.resolve();
  await expect(first).rejects.toThrow("first fails");
  await second;
  expect(order).toEqual(["other", "first", "second"]);
  expect(lock.size).toBe(0);
});
