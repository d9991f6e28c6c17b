/** Bounds what one sandbox can make the node remember. */
const maxAddresses = 2_000;
/** Programs keep an address for longer than a resolver would. */
const minMs = 5 * 60_000;
const maxMs = 60 * 60_000;

interface Learned {
  name: string;
  untilMs: number;
}

/** Addresses that resolvers gave a sandbox for names, so that a connection without a name can be told by its address. */
export class LearnedNames {
  readonly #byAddress = new Map<string, Learned>();

  add(name: string, address: string, ttlSec: number): void {
    const ms = Math.min(Math.max(ttlSec * 1000, minMs), maxMs);
    // The newest come last, so that the oldest go first.
    this.#byAddress.delete(address);
    this.#byAddress.set(address, { name, untilMs: Date.now() + ms });
    if (this.#byAddress.size <= maxAddresses) return;
    const [oldest] = this.#byAddress.keys();
    if (oldest !== undefined) this.#byAddress.delete(oldest);
  }

  /** The name that last led to an address; undefined when none did of late. */
  nameOf(address: string): string | undefined {
    const learned = this.#byAddress.get(address);
    return learned && learned.untilMs > Date.now() ? learned.name : undefined;
  }
}
