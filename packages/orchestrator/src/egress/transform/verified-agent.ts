import { Agent } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect, type SecureContext, type TLSSocket } from "node:tls";
import { errorText } from "@sandbank/core/errors";

const connectTimeoutMs = 30_000;

/** Why there is no connection to the real server. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly reason: "certificate" | "failed";

  constructor(reason: UpstreamError["reason"], message: string, cause: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

export interface VerifiedAgentOptions {
  serverName: string;
  /** With the authorities to trust. */
  secureContext: SecureContext;
  /** A TCP connection that the sandbox's policy allows. */
  dial: () => Promise<Socket>;
  onClose: () => void;
}

type Done = (error: Error | null, stream: Duplex) => void;
/** What Node really calls it with; its types want a stream beside an error. */
type Connected = (error: Error | null, stream?: Duplex) => void;

/** Connections of one client to one real server: TLS, and never without a certificate that is valid for its name. */
export class VerifiedAgent extends Agent {
  readonly #options: VerifiedAgentOptions;
  #closed = false;

  constructor(options: VerifiedAgentOptions) {
    super({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1 });
    this.#options = options;
  }

  override createConnection(_options: unknown, done?: Done): undefined {
    void this.#connectFor(done as Connected);
  }

  override destroy(): void {
    this.#closed = true;
    super.destroy();
  }

  async #connectFor(done: Connected): Promise<void> {
    try {
      const socket = await this.#connect();
      if (this.#closed) socket.destroy();
      done(null, socket);
    } catch (error) {
      done(error as Error);
    }
  }

  async #connect(): Promise<TLSSocket> {
    const { serverName, secureContext, dial, onClose } = this.#options;
    const raw = await dial().catch((error: unknown) => {
      throw new UpstreamError("failed", `${serverName} could not be reached: ${errorText(error)}`, error);
    });
    raw.setNoDelay(true);
    const socket = connect({
      socket: raw,
      servername: serverName,
      secureContext,
      ALPNProtocols: ["http/1.1"],
      // Said here, so that no setting of the process turns it off.
      rejectUnauthorized: true,
    });
    raw.on("error", (error) => socket.destroy(error));
    await established(socket, serverName);
    socket.on("close", onClose);
    return socket;
  }
}

function established(socket: TLSSocket, serverName: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no TLS connection after ${connectTimeoutMs} ms`));
  }, connectTimeoutMs);
  const fail = (error: NodeJS.ErrnoException): void => {
    // Node verifies after the handshake: an error then is the certificate's.
    const reason = socket.authorizationError ? "certificate" : "failed";
    const what =
      reason === "certificate"
        ? `the certificate of ${serverName} is not valid: ${error.message} (${error.code ?? "no code"})`
        : `no TLS connection to ${serverName}: ${error.message}`;
    reject(new UpstreamError(reason, what, error));
  };
  const onClose = (): void => fail(new Error("the server closed the connection"));
  socket.once("error", fail);
  socket.once("close", onClose);
  socket.once("secureConnect", resolve);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.off("close", onClose);
    socket.off("error", fail);
  });
}
