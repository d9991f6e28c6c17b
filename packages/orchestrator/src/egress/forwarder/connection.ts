import type { Socket } from "node:net";
import { errorText } from "@sandbank/core/errors";
import type { Destination } from "@sandbank/linux/original-destination";
import { resetSocket } from "@sandbank/protocol/reset-socket";
import type { EgressRule } from "@sandbank/protocol/egress-policy";
import type { Decision, DecisionReason } from "../decision.ts";
import type { PolicyView } from "../policy-view.ts";
import { dial } from "./dial.ts";
import { classify, readFirstBytes } from "./first-bytes.ts";
import { join } from "./join.ts";
import type { LearnedNames } from "./learned-names.ts";
import type { Names } from "./names.ts";
import type { PlainHttp } from "./plain-http.ts";

/** Puts headers into TLS connections; see `egress/transform`. */
export interface TlsInterceptor {
  handle(
    raw: Socket,
    connection: {
      sandboxId: string;
      serverName: string;
      destination: Destination;
      initialBytes: Buffer;
      rule: () => EgressRule | undefined;
    },
    dial: () => Promise<Socket>,
  ): Promise<void>;
}

/** A sandbox whose connections are handed over. */
export interface Client {
  sandboxId: string;
  /** In force now; replaced by updates. */
  view: PolicyView;
  connections: Set<Connection>;
  /** Where names that it asked for lead. */
  learned: LearnedNames;
}

export interface ConnectionParts {
  names: Names;
  interceptor: TlsInterceptor;
  plainHttp: PlainHttp;
  report: (decision: Decision) => void;
}

/** On these the client speaks first, so it is worth waiting for. */
const clientFirstPorts = new Set([80, 443]);
const clientFirstWaitMs = 10_000;
/** On others the server may: what the client does not say by then, it may be waiting to hear. */
const otherWaitMs = 1_000;

/** One handed-over TCP connection of a sandbox: who it is for, whether that is allowed, and the way there. */
export class Connection {
  readonly client: Client;
  readonly socket: Socket;
  readonly destination: Destination;
  readonly #parts: ConnectionParts;
  /** That was allowed last; undefined when the address alone was. */
  #name: string | undefined;

  constructor(client: Client, socket: Socket, destination: Destination, parts: ConnectionParts) {
    this.client = client;
    this.socket = socket;
    this.destination = destination;
    this.#parts = parts;
  }

  async serve(): Promise<void> {
    const { address, port } = this.destination;
    const verdict = this.client.view.byAddress(address);
    if (!verdict.allowed && verdict.by === "private") return this.deny("private");
    if (!this.client.view.needsName(address)) return this.#byAddress(Buffer.alloc(0));
    const waitMs = clientFirstPorts.has(port) ? clientFirstWaitMs : otherWaitMs;
    const first = await readFirstBytes(this.socket, waitMs);
    if (!first) return;
    const { kind, serverName, bytes } = first;
    if (kind === "tls" && serverName !== undefined) await this.#byServerName(serverName, bytes);
    else if (kind === "http" && !this.client.view.byAddress(address).allowed) {
      this.#parts.plainHttp.take(this, bytes);
    } else if (kind === "tls") await this.#byAddress(bytes);
    else await this.#byLookedUpName(bytes);
  }

  /** Whether the policy as it is now would allow a connection for this name here; and what it is allowed by. */
  allows(name: string | undefined): "domain" | "range" | "open" | undefined {
    const { view } = this.client;
    if (name !== undefined && view.allowsName(name)) return "domain";
    const verdict = view.byAddress(this.destination.address);
    return verdict.allowed ? verdict.by : undefined;
  }

  /** An HTTP request for this name was allowed on it. */
  wentTo(name: string): void {
    this.#name = name;
  }

  /** Ends the connection when a new policy does not allow it. */
  recheck(): void {
    if (this.allows(this.#name) === undefined) this.deny("policy");
  }

  deny(reason: DecisionReason, detail?: string): void {
    if (!this.socket.destroyed) this.report("denied", reason, this.#name, detail);
    resetSocket(this.socket);
  }

  report(verdict: Decision["verdict"], reason: DecisionReason, name?: string, detail?: string): void {
    const { sandboxId } = this.client;
    this.#parts.report({
      sandboxId,
      verdict,
      reason,
      protocol: "tcp",
      ...this.destination,
      name,
      detail,
    });
  }

  /**
   * A connection to where a name leads: by what a resolver told the sandbox, by the node's own looking up, or by the proxy's.
   * The address that the client wanted is taken when it is one of them.
   */
  dialName(name: string): Promise<Socket> {
    const { view } = this.client;
    const { policy } = view;
    const { address, port } = this.destination;
    const addresses = async (): Promise<string[]> => {
      if (view.allowsName(name) && this.client.learned.nameOf(address) === name) return [address];
      const found = await this.#parts.names.resolve(name, policy.dnsServers);
      // Where a rule alone brought the name in, its addresses must be allowed by themselves.
      const allowed = view.allowsName(name) ? found : found.filter((each) => view.byAddress(each).allowed);
      return allowed.includes(address) ? [address] : allowed;
    };
    const route = { target: { host: name, port }, addresses, ...this.#way() };
    return dial(route, this.#parts.names);
  }

  async #byServerName(name: string, bytes: Buffer): Promise<void> {
    const by = this.allows(name);
    this.#name = name;
    if (by === undefined) return this.deny("name");
    const rule = this.client.view.ruleFor(name);
    const { interceptor } = this.#parts;
    // A header is for the name's own servers: an address that the sandbox chose must not get it.
    if (by === "domain" || rule) {
      if (rule) {
        this.report("allowed", by, name, "intercepted");
        await interceptor.handle(
          this.socket,
          {
            sandboxId: this.client.sandboxId,
            serverName: name,
            destination: this.destination,
            initialBytes: bytes,
            rule: () => this.client.view.ruleFor(name),
          },
          () => this.dialName(name),
        );
        return;
      }
      return this.#carry(by, bytes, () => this.dialName(name));
    }
    return this.#byAddress(bytes);
  }

  /** Neither TLS nor HTTP: allowed where an allowed name leads. */
  async #byLookedUpName(bytes: Buffer): Promise<void> {
    const { view } = this.client;
    if (!view.byAddress(this.destination.address).allowed) {
      const told = this.client.learned.nameOf(this.destination.address);
      if (told !== undefined && view.allowsName(told)) {
        return this.#carryUnnamed(told, bytes);
      }
      for (const name of view.exactNames) {
        // A name that leads nowhere allows nothing.
        const found = await this.#parts.names.resolve(name, view.policy.dnsServers).catch((): string[] => []);
        if (!found.includes(this.destination.address)) continue;
        return this.#carryUnnamed(name, bytes);
      }
    }
    return this.#byAddress(bytes);
  }

  /**
   * To an address where an allowed name leads. Servers of many names share addresses: a client that says another name after
   * all, later than was waited for, is cut off before the server has all of it.
   */
  #carryUnnamed(name: string, bytes: Buffer): Promise<void> {
    this.#name = name;
    let said = bytes;
    const watch = (chunk: Buffer): "more" | "pass" | "cut" => {
      said = Buffer.concat([said, chunk]);
      const found = classify(said);
      if (!found) return "more";
      const isOther =
        found.kind === "http" || (found.kind === "tls" && !this.#allowsServerName(found.serverName));
      if (isOther) this.report("denied", "name", found.serverName);
      return isOther ? "cut" : "pass";
    };
    return this.#carry("domain", bytes, () => this.dialName(name), classify(bytes) ? undefined : watch);
  }

  #allowsServerName(name: string | undefined): boolean {
    return name !== undefined && this.client.view.allowsName(name);
  }

  async #byAddress(bytes: Buffer): Promise<void> {
    const { address, port } = this.destination;
    const verdict = this.client.view.byAddress(address);
    if (!verdict.allowed) return this.deny(verdict.by === "range" ? "name" : verdict.by);
    const route = {
      target: { host: address, port },
      addresses: () => Promise.resolve([address]),
      ...this.#way(),
    };
    return this.#carry(verdict.by, bytes, () => dial(route, this.#parts.names));
  }

  #way() {
    const { proxy, dnsServers } = this.client.view.policy;
    return { proxy, dnsServers };
  }

  async #carry(
    by: DecisionReason,
    bytes: Buffer,
    reach: () => Promise<Socket>,
    watch?: Parameters<typeof join>[3],
  ): Promise<void> {
    this.report("allowed", by, this.#name);
    try {
      const upstream = await reach();
      join(this.socket, upstream, bytes, watch);
    } catch (error) {
      this.deny("failed", errorText(error));
    }
  }
}
