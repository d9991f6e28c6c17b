import { AppError, errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import type { EgressPolicy } from "@sandbank/protocol/egress-policy";
import { forwarderPort, hostSourceAddress, type NetworkIdentity } from "../network/addresses.ts";
import type { Slot } from "../network/slot.ts";
import type { LogEntry } from "../observe/log-entry.ts";
import type { LogQuery } from "../observe/log-query.ts";
import { DecisionLog } from "./decision-log.ts";
import type { Decision } from "./decision.ts";
import type { TlsInterceptor } from "./forwarder/connection.ts";
import { proxyAddresses } from "./forwarder/dial.ts";
import { Forwarder } from "./forwarder/forwarder.ts";
import { Names } from "./forwarder/names.ts";
import { readKernelDenials } from "./kernel-denials.ts";
import { kernelEgress } from "./kernel-egress.ts";
import { isNeverReachable } from "./policy-view.ts";

export interface NodeEgressOptions {
  identity: NetworkIdentity;
  /** Those that sandboxes are told of. */
  resolvers: string[];
  /** Where decisions are kept; one folder per sandbox. */
  logDir: string;
  /** Of one sandbox's decisions. */
  maxLogBytes: number;
  interceptor: TlsInterceptor;
  logger: Logger;
}

/** A sandbox and where its rules are. */
export interface EgressSubject {
  sandboxId: string;
  slot: Slot;
}

/** How often the kernel's counters are taken over. */
const collectIntervalMs = 60_000;

const secondNudgeMs = 800;

interface Collected {
  packets: number;
  /** By destination. */
  seen: Map<string, number>;
}

/** Puts sandboxes' egress policies in force and knows what became of their connections. */
export class NodeEgress {
  /** Decisions by verdict and reason, since the start. */
  readonly counts = new Map<string, number>();
  readonly #options: NodeEgressOptions;
  readonly #names: Names;
  readonly #forwarder: Forwarder;
  readonly #log: DecisionLog;
  readonly #collected = new Map<string, Collected>();
  readonly #nudges = new Map<string, NodeJS.Timeout>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: NodeEgressOptions) {
    const { identity, resolvers, logDir, maxLogBytes, interceptor, logger } = options;
    this.#options = options;
    this.#names = new Names(resolvers);
    this.#log = new DecisionLog({ dir: logDir, maxBytes: maxLogBytes, logger });
    this.#forwarder = new Forwarder({
      address: hostSourceAddress(identity),
      port: forwarderPort,
      names: this.#names,
      nodeResolvers: resolvers,
      interceptor,
      logger,
      report: (decision) => this.record(decision),
    });
  }

  /** `subjects` gives the sandboxes that run. Rejects when the forwarder's address can't be had. */
  async start(subjects: () => EgressSubject[]): Promise<void> {
    await this.#forwarder.start();
    let collecting = false;
    this.#timer = setInterval(() => {
      if (collecting) return;
      collecting = true;
      void this.#collectAll(subjects()).finally(() => {
        collecting = false;
      });
    }, collectIntervalMs).unref();
  }

  /**
   * When it resolves, the policy holds for every packet from then on; on failure what was in force still is. A slot that
   * nobody has used yet is open.
   */
  async apply(
    { sandboxId, slot }: EgressSubject,
    policy: EgressPolicy,
    before?: EgressPolicy,
  ): Promise<void> {
    const { hostAddress } = slot.names;
    // First the forwarder: what the kernel hands over must find its policy.
    this.#forwarder.setPolicy(hostAddress, sandboxId, policy);
    try {
      await slot.setEgress(kernelEgress(policy, this.#options.resolvers));
    } catch (error) {
      if (before) this.#forwarder.setPolicy(hostAddress, sandboxId, before);
      else this.#forwarder.forget(hostAddress);
      throw error;
    }
    this.#nudge({ sandboxId, slot });
    // Stacks answer one stale segment in half a second, and the last one may have been for an earlier policy.
    clearTimeout(this.#nudges.get(hostAddress));
    this.#nudges.set(hostAddress, setTimeout(() => this.#nudge({ sandboxId, slot }), secondNudgeMs).unref());
  }

  /** For a sandbox that has ended: takes over what the kernel knows, before its slot goes. */
  async release(subject: EgressSubject): Promise<void> {
    const { hostAddress } = subject.slot.names;
    this.#forwarder.forget(hostAddress);
    clearTimeout(this.#nudges.get(hostAddress));
    this.#nudges.delete(hostAddress);
    await this.#collect(subject);
    this.#collected.delete(subject.sandboxId);
    this.#log.end(subject.sandboxId);
  }

  /** Decisions about a sandbox's connections; `subject` while it runs. */
  async decisions(
    sandboxId: string,
    subject: EgressSubject | undefined,
    query: LogQuery,
  ): Promise<LogEntry[]> {
    if (subject) {
      await this.#collect(subject);
      this.#log.flush();
    }
    return this.#log.read(sandboxId, query);
  }

  get connectionCount(): number {
    return this.#forwarder.connectionCount;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const timer of this.#nudges.values()) clearTimeout(timer);
    this.#nudges.clear();
    await this.#forwarder.close();
    this.#log.close();
  }

  record(decision: Decision): void {
    this.#countUp(`${decision.verdict} ${decision.reason}`, 1);
    this.#log.record(decision);
  }

  #nudge({ sandboxId, slot }: EgressSubject): void {
    try {
      slot.nudge();
    } catch (error) {
      // What is denied ends all the same, only later.
      this.#options.logger.warn(
        { sandboxId, error: errorText(error) },
        "silent connections could not be nudged",
      );
    }
  }

  #countUp(key: string, count: number): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + count);
  }

  /** Rejects with `invalid_argument` when the policy's proxy can't be found, or is where no sandbox may go. */
  async check({ proxy, dnsServers }: EgressPolicy): Promise<void> {
    if (!proxy) return;
    const addresses = await proxyAddresses(proxy, this.#names, dnsServers).catch((error: unknown) => {
      throw unusableProxy(errorText(error));
    });
    if (addresses.some(isNeverReachable)) throw unusableProxy(`${proxy.host} is in a private range`);
  }

  async #collectAll(subjects: EgressSubject[]): Promise<void> {
    for (const subject of subjects) await this.#collect(subject);
  }

  async #collect({ sandboxId, slot }: EgressSubject): Promise<void> {
    try {
      const { packets, denials } = await readKernelDenials(slot.names);
      const known = this.#collected.get(sandboxId);
      // What an earlier process has written down already is not written down again.
      const written = known?.seen ?? this.#log.written(sandboxId, "kernel");
      const seen = new Map<string, number>();
      let sum = 0;
      for (const { protocol, address, port, packets: count } of denials) {
        const key = [protocol, address, port].join(" ");
        seen.set(key, count);
        const before = written.get(key) ?? 0;
        // An entry that the kernel forgot and listed again counts from the beginning.
        const added = count >= before ? count - before : count;
        sum += added;
        if (added === 0) continue;
        const destination = { protocol, address, port, count: added };
        this.#log.record({ sandboxId, verdict: "denied", reason: "kernel", ...destination });
      }
      this.#countUp("denied kernel", known ? packets - known.packets : sum);
      this.#collected.set(sandboxId, { packets, seen });
    } catch (error) {
      this.#options.logger.warn({ sandboxId, error: errorText(error) }, "refused packets could not be read");
    }
  }
}

const unusableProxy = (why: string): AppError =>
  new AppError({
    code: "invalid_argument",
    message: `validation error: network: egressProxy can't be used: ${why}`,
  });
