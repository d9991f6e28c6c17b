/**
 * Takes and returns slots until it has done as many as it was told, or is killed: what a node's agent does with them,
 * without sandboxes. Arguments: tag, host prefix, cycles.
 */
import { silentLogger } from "@sandbank/core/logger";
import { openPolicy } from "@sandbank/protocol/egress-policy";
import { kernelEgress } from "../../egress/kernel-egress.ts";
import { isFree } from "../slot.ts";
import { SlotPool } from "../slot-pool.ts";

const [tag = "", hostPrefix = "", count = "0"] = process.argv.slice(2);
/** Sandboxes at a time. */
const concurrency = 2;
const mtu = 1500;

const pool = new SlotPool({
  identity: { tag, hostPrefix },
  mtu,
  egress: kernelEgress(openPolicy, []),
  size: 4,
  logger: silentLogger,
});
const held = new Set<number>();
let left = Number(count);

async function oneCycle(): Promise<void> {
  const begun = performance.now();
  const slot = await pool.take();
  const takeMs = performance.now() - begun;
  const { index } = slot.names;
  if (held.has(index)) throw new Error(`slot ${index} was given out twice`);
  if (isFree(slot.names)) throw new Error(`slot ${index} is not there`);
  held.add(index);
  pool.refill();
  await pool.release(slot);
  held.delete(index);
  left--;
  process.send?.({ takeMs });
}

async function worker(): Promise<void> {
  while (left > 0) {
    try {
      await oneCycle();
    } catch (error) {
      // A command was killed: what it leaves is counted in the end.
      process.send?.({ failure: String(error) });
    }
  }
}

process.on("disconnect", () => process.exit());
process.send?.({ reclaimed: await pool.reclaim() });
pool.refill();
await Promise.all(Array.from({ length: concurrency }, worker));
await pool.close();
process.disconnect?.();
