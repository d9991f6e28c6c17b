import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, type RequestListener } from "node:http";
import { Agent, createServer as createHttpsServer, request, type RequestOptions } from "node:https";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { CertificateAuthority, newServerKey } from "@sandbank/certificates/authority";
import { silentLogger } from "@sandbank/core/logger";
import type { EgressRule } from "@sandbank/protocol/egress-policy";
import { Interceptor } from "../interceptor.ts";
import { SecretVault } from "../secret-vault.ts";
import type { Decision } from "../../decision.ts";

const hourMs = 3_600_000;
export const realName = "api.example.com";
export const sandboxId = "itestsandbox000000001";

export interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface Harness {
  /** Of the intercepting end. */
  port: number;
  /** What clients in a sandbox trust. */
  ca: string;
  vault: SecretVault;
  decisions: Decision[];
  dials: number;
  /** May be changed while connections are open. */
  rule: EgressRule | undefined;
  /** The name in the ClientHello, as a forwarder would have read it. */
  serverName: string;
  agent: Agent;
  /** Begins a request; `host` header and server name are the real ones unless said otherwise. */
  begin(options?: RequestOptions): ClientRequest;
  /** What the real server does with upgrades. */
  onUpgrade(listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void;
  ask(options?: RequestOptions, body?: string | Buffer): Promise<Answer>;
  close(): void;
}

export interface HarnessOptions {
  /** Of the real server's certificate. */
  validForMs?: number;
  names?: string[];
  /** Whether the interceptor trusts who issued it. */
  trusted?: boolean;
}

/** A real server, an interceptor before it, and clients that trust only the interceptor's authority. */
export async function startHarness(
  listener: RequestListener,
  options: HarnessOptions = {},
): Promise<Harness> {
  const [ca, web, key] = await Promise.all([
    CertificateAuthority.create("Egress", hourMs),
    CertificateAuthority.create("Web", hourMs),
    newServerKey(),
  ]);
  const { validForMs = hourMs, names = [realName], trusted = true } = options;
  const cert = await web.issue({ names, publicKey: key.publicKey, validForMs });
  const server = createHttpsServer({ cert, key: key.privateKeyPem }, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const trustedRoot = trusted ? web.certificatePem : ca.certificatePem;
  const front = await startFront(ca, trustedRoot, (server.address() as AddressInfo).port);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const begin: Harness["begin"] = ({ headers, ...rest } = {}) => {
    const sent = request({
      host: "127.0.0.1",
      port: front.state.port,
      servername: realName,
      ca: ca.certificatePem,
      agent,
      headers: { host: realName, ...(headers as Record<string, string>) },
      ...rest,
    });
    // Errors after the answer has begun are seen where it is read.
    return sent.on("error", () => undefined);
  };
  return Object.assign(front.state, {
    agent,
    begin,
    ca: ca.certificatePem,
    onUpgrade: (handler: Parameters<Harness["onUpgrade"]>[0]) => void server.on("upgrade", handler),
    async ask(wanted?: RequestOptions, body?: string | Buffer) {
      const sent = begin(wanted);
      sent.end(body);
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
    },
    close() {
      agent.destroy();
      front.close();
      server.close();
      server.closeAllConnections();
    },
  });
}

/** What a forwarder does: takes connections, and has them intercepted. */
async function startFront(authority: CertificateAuthority, trustedRoot: string, realPort: number) {
  const state = {
    port: 0,
    vault: new SecretVault(),
    decisions: [] as Decision[],
    dials: 0,
    rule: { domain: realName, headers: { Authorization: "Bearer put-in" } } as EgressRule | undefined,
    serverName: realName,
  };
  const { vault, decisions } = state;
  const interceptor = new Interceptor({
    authority,
    trustedRoots: [trustedRoot],
    vault,
    report: (decision) => decisions.push(decision),
    logger: silentLogger,
  });
  const dial = async (): Promise<Socket> => {
    state.dials++;
    const socket = connectTcp(realPort, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  };
  const front = createServer({ allowHalfOpen: true }, (socket) => {
    socket.once("data", (initialBytes: Buffer) => {
      socket.pause();
      const destination = { address: "192.0.2.1", port: 443 };
      const rule = (): EgressRule | undefined => state.rule;
      const connection = { sandboxId, serverName: state.serverName, destination, initialBytes, rule };
      void interceptor.handle(socket, connection, dial);
    });
  });
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  state.port = (front.address() as AddressInfo).port;
  const close = (): void => {
    interceptor.close();
    front.close();
  };
  return { state, close };
}
