import { closeSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { AppError } from "@sandbank/core/errors";
import { hasCode } from "@sandbank/linux/libc";
import { openUserNamespace } from "@sandbank/linux/user-namespace";

export const idsPerRange = 65_536;

/**
 * The ids that systemd's registry leaves to nobody: above its containers' dynamic ranges (which end at 1879048191),
 * below 2^31, which some programs take for negative.
 */
const firstRangeId = 1_879_048_192;
const rangeCount = 4000;

const firstIdOf = (index: number): number => firstRangeId + index * idsPerRange;

export interface IdRangeLease {
  index: number;
  firstId: number;
}

/**
 * Gives every live sandbox 65,536 user and group ids of its own. Who holds a range is a symbolic link, which comes into
 * being whole and outlives this process; the namespaces that describe the mappings are kept open and used again.
 */
export class UidRanges {
  readonly #directory: string;
  readonly #namespaces = new Map<number, Promise<number>>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Takes the lowest free range for sandbox `id`. `announce` is told the range before it is taken, so that whoever
   * writes that down loses none when this process is killed in between. Throws AppError `resource_exhausted` when none
   * is free.
   */
  take(id: string, announce: (index: number) => void): IdRangeLease {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    for (let index = 0; index < rangeCount; index++) {
      if (this.#holderOf(index) !== undefined) continue;
      announce(index);
      try {
        symlinkSync(id, this.#linkOf(index));
        return { index, firstId: firstIdOf(index) };
      } catch (error) {
        if (!hasCode(error, "EEXIST")) throw error;
      }
    }
    throw new AppError({
      code: "resource_exhausted",
      message: `all ${rangeCount} ranges of user ids are taken`,
    });
  }

  /** Gives a range back, if `id` still holds it. */
  release(index: number, id: string): void {
    if (this.#holderOf(index) === id) rmSync(this.#linkOf(index));
  }

  #linkOf(index: number): string {
    return `${this.#directory}/${index}`;
  }

  #holderOf(index: number): string | undefined {
    try {
      return readlinkSync(this.#linkOf(index));
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      // No link of this class: taken, by whom is not known.
      if (hasCode(error, "EINVAL")) return "";
      throw error;
    }
  }

  /** Descriptor of a user namespace that maps the range; stays open until `close`. */
  namespaceOf(index: number): Promise<number> {
    const known = this.#namespaces.get(index);
    if (known) return known;
    const made = openUserNamespace({ first: firstIdOf(index), count: idsPerRange });
    this.#namespaces.set(index, made);
    // A failure is the caller's to report; the next one tries anew.
    made.catch(() => this.#namespaces.delete(index));
    return made;
  }

  /** Has the namespace of a range ready (it takes 5 ms) before somebody asks for it. */
  prepare(index: number): void {
    if (index < rangeCount) void this.namespaceOf(index).catch(() => undefined);
  }

  async close(): Promise<void> {
    const open = [...this.#namespaces.values()];
    this.#namespaces.clear();
    for (const result of await Promise.allSettled(open)) {
      if (result.status === "fulfilled") closeSync(result.value);
    }
  }
}
