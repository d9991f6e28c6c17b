import { expect, test, vi } from "vitest";
import { silentLogger } from "./logger.ts";
import { Pool } from "./pool.ts";

function counterPool(size: number, make = async (n: number): Promise<number> => n) {
  let made = 0;
  const discarded: number[] = [];
  const pool = new Pool({
    name: "test",
    size,
    logger: silentLogger,
    make: () => make(++made),
    discard: async (item) => void discarded.push(item),
  });
  return { pool, discarded };
}

test("takes ready items first and refills when told", async () => {
  const { pool } = counterPool(2);
  await pool.fill();
  expect(await pool.take()).toBe(1);
  pool.refill();
  await vi.waitFor(() => expect(pool.readyCount).toBe(2), 10_000);
  expect(await pool.take()).toBe(2);
  expect(await pool.take()).toBe(3);
});

test("an empty pool makes one; a failing make fails that taker only", async () => {
  const { pool } = counterPool(0, async (n) => {
    if (n === 1) throw new Error("no device");
    return n;
  });
  await expect(pool.take()).rejects.toThrow("no device");
  expect(await pool.take()).toBe(2);
});

test("renewed, it gives nothing that was ready before", async () => {
  const { pool, discarded } = counterPool(2);
  await pool.fill();
  await pool.renew();
  expect(discarded).toEqual([1, 2]);
  expect(await pool.take()).toBe(3);
});

test("close discards what is ready, also what is being made", async () => {
  const gate = Promise.withResolvers<void>();
  const { pool, discarded } = counterPool(2, async (n) => {
    if (n === 3) await gate.promise;
    return n;
  });
  await pool.fill();
  await pool.take();
  pool.refill();
  const closing = pool.close();
  gate.resolve();
  await closing;
  expect(new Set(discarded)).toEqual(new Set([2, 3]));
  await expect(pool.take()).rejects.toThrow("closed");
});
