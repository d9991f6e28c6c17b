import { createSecureContext, type SecureContext } from "node:tls";
import { type CertificateAuthority, newServerKey, type ServerKey } from "./authority.ts";

const hourMs = 3_600_000;
const validForMs = 24 * hourMs;
/** A certificate is replaced well before its end, for connections that live long or resume a session. */
const usedForMs = 12 * hourMs;
/** Whoever connects may name any number of hosts; each takes 45 KiB. */
const maxContexts = 256;

interface Kept {
  context: Promise<SecureContext>;
  untilMs: number;
}

/** Certificates of an authority of our own for host names as they are asked for: one key, a certificate for each name. */
export class NameContexts {
  readonly #authority: CertificateAuthority;
  readonly #key: Promise<ServerKey>;
  /** The least recently used one first. */
  readonly #kept = new Map<string, Kept>();

  constructor(authority: CertificateAuthority) {
    this.#authority = authority;
    this.#key = newServerKey();
  }

  /** For a lower-case host name. */
  get(serverName: string): Promise<SecureContext> {
    const known = this.#kept.get(serverName);
    this.#kept.delete(serverName);
    const kept =
      known && known.untilMs > Date.now()
        ? known
        : { context: this.#make(serverName), untilMs: Date.now() + usedForMs };
    this.#kept.set(serverName, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > maxContexts && oldest !== undefined) this.#kept.delete(oldest);
    return kept.context;
  }

  async #make(serverName: string): Promise<SecureContext> {
    try {
      const { publicKey, privateKeyPem } = await this.#key;
      const certificate = await this.#authority.issue({ names: [serverName], publicKey, validForMs });
      return createSecureContext({ key: privateKeyPem, cert: certificate + this.#authority.certificatePem });
    } catch (error) {
      this.#kept.delete(serverName);
      throw error;
    }
  }
}
