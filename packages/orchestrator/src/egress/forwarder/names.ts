import { Resolver } from "node:dns/promises";
import { AppError, errorText } from "@sandbank/core/errors";
import { usableServers } from "../kernel-egress.ts";
import { isNeverReachable } from "../policy-view.ts";

const maxCached = 2_000;
/** However long a name's owner says; a name that moves must not be followed for long to where it was. */
const maxTtlMs = 60_000;
const minTtlMs = 1_000;
const queryTimeoutMs = 1_500;
const queryTries = 2;

interface Known {
  addresses: string[];
  untilMs: number;
}

/**
 * Looks names up where their sandbox may look them up, and keeps the answers for a while. What a sandbox itself says about a
 * name is never used, so a name that it allows itself to lie about leads nowhere but to what the resolvers say.
 */
export class Names {
  readonly #nodeResolvers: readonly string[];
  readonly #known = new Map<string, Known>();
  readonly #resolvers = new Map<string, Resolver>();

  constructor(nodeResolvers: readonly string[]) {
    this.#nodeResolvers = nodeResolvers;
  }

  /**
   * IPv4 addresses of a name, without those that no sandbox may reach: an answer that leads inside is no answer. The policy's
   * own servers (`wanted`) come first, and the node's where those can't say. Rejects with `unavailable` when there is no address.
   */
  async resolve(name: string, wanted: readonly string[] = []): Promise<string[]> {
    const servers = usableServers(wanted, this.#nodeResolvers);
    if (servers.length === 0) return this.#resolveBy(name, this.#nodeResolvers);
    try {
      return await this.#resolveBy(name, servers);
    } catch (error) {
      // A policy may allow servers that are not there: its names are allowed all the same.
      return this.#resolveBy(name, this.#nodeResolvers).catch((): never => {
        throw error;
      });
    }
  }

  async #resolveBy(name: string, asked: readonly string[]): Promise<string[]> {
    const key = `${asked.join(",")} ${name}`;
    const known = this.#known.get(key);
    if (known && known.untilMs > Date.now()) return known.addresses;
    const answers = await this.#query(name, asked);
    const addresses = answers.map(({ address }) => address).filter((address) => !isNeverReachable(address));
    if (addresses.length === 0) {
      throw new AppError({
        code: "unavailable",
        message: `${name} leads only to addresses that no sandbox may reach`,
      });
    }
    const ttlMs = Math.min(...answers.map(({ ttl }) => ttl * 1000), maxTtlMs);
    this.#keep(key, { addresses, untilMs: Date.now() + Math.max(ttlMs, minTtlMs) });
    return addresses;
  }

  async #query(name: string, servers: readonly string[]): Promise<{ address: string; ttl: number }[]> {
    const key = servers.join(",");
    let resolver = this.#resolvers.get(key);
    if (!resolver) {
      resolver = new Resolver({ timeout: queryTimeoutMs, tries: queryTries });
      resolver.setServers(servers);
      if (this.#resolvers.size >= maxCached) this.#resolvers.clear();
      this.#resolvers.set(key, resolver);
    }
    try {
      return await resolver.resolve4(name, { ttl: true });
    } catch (error) {
      throw new AppError({
        code: "unavailable",
        message: `${name} has no address: ${errorText(error)}`,
        cause: error,
      });
    }
  }

  #keep(key: string, known: Known): void {
    if (this.#known.size >= maxCached) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.delete(key);
    this.#known.set(key, known);
  }
}
