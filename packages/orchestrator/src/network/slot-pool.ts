import { AppError } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { Pool } from "@sandbank/core/pool";
import { listLinks } from "@sandbank/linux/ip";
import { listNetns } from "@sandbank/linux/netns";
import { maxSlotIndex, slotIndexOf, slotNames } from "./addresses.ts";
import { destroyParts, makeSlot, Slot, type SlotOptions } from "./slot.ts";

export interface SlotPoolOptions extends SlotOptions {
  /** Slots kept ready. */
  size: number;
  logger: Logger;
}

/**
 * Ready-made slots. A used slot is destroyed, not reused: nothing of a tenant's connections or rules can reach
 * the next one, and the kernel has let go of its name before the number is given out again.
 */
export class SlotPool {
  readonly #options: SlotPoolOptions;
  readonly #used = new Set<number>();
  readonly #pool: Pool<Slot>;
  #lastIndex = 0;

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

  /** Call `refill` when the sandbox that the slot is for is up, or has failed. */
  take(): Promise<Slot> {
    return this.#pool.take();
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

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #make(): Promise<Slot> {
    const index = this.#nextIndex();
    try {
      return await makeSlot(slotNames(this.#options.identity, index), this.#options);
    } catch (error) {
      this.#used.delete(index);
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
      this.#lastIndex = (this.#lastIndex % maxSlotIndex) + 1;
      if (!this.#used.has(this.#lastIndex)) {
        this.#used.add(this.#lastIndex);
        return this.#lastIndex;
      }
    }
    throw new AppError({
      code: "resource_exhausted",
      reason: "sandbox_slot_unavailable",
      message: `all ${maxSlotIndex} network slots are in use`,
    });
  }
}
