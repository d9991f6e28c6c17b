import { AppError, errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { Pool } from "@sandbank/core/pool";
import { listLinks } from "@sandbank/linux/ip";
import { listNetns } from "@sandbank/linux/netns";
import { maxSlotIndex, slotIndexOf, slotNames } from "./addresses.ts";
import { destroyParts, isFree, makeSlot, Slot, type SlotOptions } from "./slot.ts";

export interface SlotPoolOptions extends SlotOptions {
  /** Slots kept ready. */
  size: number;
  logger: Logger;
}

/** Commands on a slot take milliseconds, on a machine in trouble a second. */
const laterMs = 3_000;

/**
 * Ready-made slots. A used slot is destroyed, not reused: nothing of a tenant's connections or rules can reach
 * the next one, and the kernel has let go of its name before the number is given out again.
 */
export class SlotPool {
  readonly #options: SlotPoolOptions;
  readonly #used = new Set<number>();
  readonly #pool: Pool<Slot>;
  #lastIndex = 0;
  #later: NodeJS.Timeout | undefined;

  constructor(options: SlotPoolOptions) {
    this.#options = options;
    this.#pool = new Pool({
      name: "slots",
      size: options.size,
      logger: options.logger,
      make: () => this.#make(),
      discard: (slot) => this.release(slot),
    });
  }

  fill(): Promise<void> {
    return this.#pool.fill();
  }

  get readyCount(): number {
    return this.#pool.readyCount;
  }

  /** Numbers of slots that are ready, in use, being made or being removed. */
  get usedIndices(): number[] {
    return [...this.#used];
  }

  /** Call `refill` when the sandbox that the slot is for is up, or has failed. */
  take(): Promise<Slot> {
    return this.#pool.take();
  }

  /** Ready slots are made anew: what all of them lie on was repaired. */
  renew(): Promise<void> {
    return this.#pool.renew();
  }

  refill(): void {
    this.#pool.refill();
  }

  async release(slot: Slot): Promise<void> {
    await slot.destroy();
    this.#used.delete(slot.names.index);
  }

  /** Takes over the slot of a sandbox that outlived an earlier process. */
  adopt(index: number): Slot {
    this.#used.add(index);
    return new Slot(slotNames(this.#options.identity, index));
  }

  /** Removes what an earlier process left: every slot of this identity that was not adopted. Gives their count. */
  async reclaim(): Promise<number> {
    const { identity, logger } = this.#options;
    const isOrphan = (name: string): boolean => {
      const index = slotIndexOf(identity, name);
      return index !== undefined && !this.#used.has(index);
    };
    const namespaces = (await listNetns(`${identity.tag}-`)).filter(isOrphan);
    const devices = (await listLinks()).map((link) => link.ifname).filter(isOrphan);
    await destroyParts(devices, namespaces);
    const count = new Set([...namespaces, ...devices].map((name) => slotIndexOf(identity, name))).size;
    if (count > 0) logger.info({ count }, "reclaimed network slots of an earlier run");
    return count;
  }

  /**
   * Reclaims once more after a while: a command that an earlier process had started when it was killed may have gone on
   * making a slot behind `reclaim`'s back.
   */
  reclaimLater(): void {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => {
      this.reclaim().catch((error: unknown) => {
        this.#options.logger.warn({ error: errorText(error) }, "network slots could not be reclaimed");
      });
    }, laterMs).unref();
  }

  async close(): Promise<void> {
    clearTimeout(this.#later);
    await this.#pool.close();
  }

  async #make(): Promise<Slot> {
    const index = this.#nextIndex();
    const names = slotNames(this.#options.identity, index);
    try {
      return await makeSlot(names, this.#options);
    } catch (error) {
      // Else its number stays taken, and what is there is for the next start to reclaim.
      if (isFree(names)) this.#used.delete(index);
      throw new AppError({
        code: "unavailable",
        reason: "sandbox_slot_unavailable",
        message: "no network slot could be made",
        cause: error,
      });
    }
  }

  #nextIndex(): number {
    for (let tried = 0; tried < maxSlotIndex; tried++) {
      const index = (this.#lastIndex % maxSlotIndex) + 1;
      this.#lastIndex = index;
      // A command of a process that was killed may still be making what nobody has reclaimed.
      if (this.#used.has(index) || !isFree(slotNames(this.#options.identity, index))) continue;
      this.#used.add(index);
      return index;
    }
    throw new AppError({
      code: "resource_exhausted",
      reason: "sandbox_slot_unavailable",
      message: `all ${maxSlotIndex} network slots are in use`,
    });
  }
}
