import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv4 } from "node:net";
import { decode } from "dns-packet";
import { AppError, errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { usableServers } from "../kernel-egress.ts";
import { isNeverReachable } from "../policy-view.ts";
import type { Client } from "./connection.ts";

const dnsPort = 53;
/** Until the next server is asked, and until the client has to ask again. */
const serverTimeoutMs = 2_000;
const maxServers = 3;
/** Questions under way; one that comes on top gets no answer. */
const maxPerClient = 100;
const maxQuestions = 1_000;

export interface DnsRelayOptions {
  address: string;
  port: number;
  /** Those that sandboxes are told of. */
  nodeResolvers: readonly string[];
  clientOf: (hostAddress: string) => Client | undefined;
  logger: Logger;
}

/**
 * Carries DNS questions over UDP of sandboxes whose policy has names to the resolvers that they may ask, unchanged, and
 * takes note of where the names that they are allowed lead.
 */
export class DnsRelay {
  readonly #options: DnsRelayOptions;
  readonly #socket: Socket;
  readonly #perClient = new Map<Client, number>();
  readonly #upstreams = new Set<Socket>();

  constructor(options: DnsRelayOptions) {
    this.#options = options;
    this.#socket = createSocket("udp4", (message, from) => this.#ask(message, from));
  }

  /** Rejects with `failed_precondition` naming the address when it can't be had. */
  async listen(): Promise<void> {
    const { address, port, logger } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#socket.once("error", reject);
    this.#socket.bind({ address, port, exclusive: true }, resolve);
    try {
      await promise;
    } catch (error) {
      throw new AppError({
        code: "failed_precondition",
        message: `the egress forwarder can't have UDP port ${port} of ${address}: ${errorText(error)}`,
        cause: error,
      });
    }
    this.#socket.off("error", reject);
    // Of a single answer that could not be sent; the socket goes on.
    this.#socket.on("error", (error) =>
      logger.warn({ error: errorText(error) }, "a DNS answer could not be sent"),
    );
  }

  close(): void {
    for (const upstream of this.#upstreams) upstream.close();
    this.#upstreams.clear();
    this.#socket.close();
  }

  #ask(question: Buffer, from: RemoteInfo): void {
    const client = this.#options.clientOf(from.address);
    if (!client || this.#upstreams.size >= maxQuestions) return;
    const underWay = this.#perClient.get(client) ?? 0;
    const servers = this.#serversOf(client);
    if (underWay >= maxPerClient || servers.length === 0 || question.length < 12) return;
    this.#perClient.set(client, underWay + 1);
    const upstream = createSocket("udp4");
    this.#upstreams.add(upstream);
    let timer: NodeJS.Timeout | undefined;
    const finish = (): void => {
      clearTimeout(timer);
      if (!this.#upstreams.delete(upstream)) return;
      upstream.close();
      const left = (this.#perClient.get(client) ?? 1) - 1;
      if (left > 0) this.#perClient.set(client, left);
      else this.#perClient.delete(client);
    };
    const send = (): void => {
      const server = servers.shift();
      if (server === undefined) {
        finish();
        return;
      }
      upstream.send(question, dnsPort, server);
      timer = setTimeout(send, serverTimeoutMs);
    };
    const asked = new Set(servers);
    upstream.on("error", finish);
    upstream.on("message", (answer, by) => {
      // Somebody else who guesses the port can't guess the number as well; what is left is not from whom was asked.
      if (
        by.port !== dnsPort ||
        !asked.has(by.address) ||
        !answer.subarray(0, 2).equals(question.subarray(0, 2))
      ) {
        return;
      }
      this.#learn(client, answer);
      this.#socket.send(answer, from.port, from.address);
      finish();
    });
    send();
  }

  #serversOf({ view: { policy } }: Client): string[] {
    const { nodeResolvers } = this.#options;
    const wanted = policy.allowDomains.length > 0 ? policy.dnsServers : undefined;
    return usableServers(wanted ?? nodeResolvers, nodeResolvers).slice(0, maxServers);
  }

  #learn(client: Client, answer: Buffer): void {
    try {
      const { questions = [], answers = [] } = decode(answer);
      const name = questions[0]?.name.toLowerCase();
      if (name === undefined || questions.length > 1 || !client.view.allowsName(name)) return;
      for (const record of answers) {
        if (record.type !== "A" || !isIPv4(record.data) || isNeverReachable(record.data)) continue;
        client.learned.add(name, record.data, record.ttl ?? 0);
      }
    } catch (error) {
      // It is the client's to make something of; there is nothing to learn from it.
      this.#options.logger.debug({ error: errorText(error) }, "a DNS answer could not be read");
    }
  }
}
