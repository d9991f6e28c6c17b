import { createSecureContext, type SecureContext } from "node:tls";

/** A certificate (with the chain behind it) and its private key, both as PEM text. */
export interface PemPair {
  certificate: string;
  key: string;
}

/** Where the certificates of a server come from. They may change while it runs. */
export interface CertificateSource {
  /** For clients that name no host: those that connect to an address. */
  readonly fallback: PemPair;
  /** For a client that asks for `name`. Called at each handshake. */
  contextFor(name: string): Promise<SecureContext>;
  /** Told when `fallback` has changed. */
  onChange(listener: () => void): void;
  close(): void;
}

export const oldestProtocol = "TLSv1.2";

/** Throws when the two don't belong together, or can't be read. */
export const contextOf = ({ certificate, key }: PemPair): SecureContext =>
  createSecureContext({ cert: certificate, key, minVersion: oldestProtocol });
