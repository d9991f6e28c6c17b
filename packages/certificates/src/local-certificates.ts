import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { SecureContext } from "node:tls";
import { type Logger, silentLogger } from "@sandbank/core/logger";
import { type CertificateAuthority, newServerKey, type ServerKey } from "./authority.ts";
import { NameContexts } from "./name-contexts.ts";
import { openAuthority } from "./authority-file.ts";
import { type CertificateSource, contextOf, type PemPair } from "./certificate-source.ts";

const dayMs = 24 * 3_600_000;
const validForMs = 90 * dayMs;

export interface LocalCertificatesOptions {
  /** Folder of the authority; a file with its key, for root only, is made there. */
  dir: string;
  /** Without port. */
  domain: string;
  logger?: Logger;
}

/**
 * Certificates of an authority on this machine, made as they are asked for and never stored. One of them has a
 * wildcard for the domain. Below a domain of one label (localhost) clients take no wildcard, so there each name gets
 * its own.
 */
export class LocalCertificates implements CertificateSource {
  /** The authority's certificate, which clients are to trust. */
  readonly authorityPem: string;
  readonly #options: LocalCertificatesOptions;
  readonly #authority: CertificateAuthority;
  readonly #key: ServerKey;
  readonly #names: NameContexts;
  readonly #listeners: (() => void)[] = [];
  readonly #renewal: NodeJS.Timeout;
  #fallback: PemPair;
  #wildcard: SecureContext;

  private constructor(
    options: LocalCertificatesOptions,
    made: { authority: CertificateAuthority; key: ServerKey; fallback: PemPair },
  ) {
    this.#options = options;
    this.authorityPem = made.authority.certificatePem;
    this.#authority = made.authority;
    this.#key = made.key;
    this.#names = new NameContexts(made.authority);
    this.#fallback = made.fallback;
    this.#wildcard = contextOf(made.fallback);
    const { logger = silentLogger } = options;
    this.#renewal = setInterval(() => {
      this.#renew().catch((error: unknown) =>
        logger.error({ error: String(error) }, "certificate not renewed"),
      );
    }, dayMs).unref();
  }

  /** Takes up the authority in the folder; makes one when there is none. */
  static async open(options: LocalCertificatesOptions): Promise<LocalCertificates> {
    const authority = await openLocalAuthority(options);
    const key = await newServerKey();
    const fallback = await wildcardPair(options.domain, authority, key);
    return new LocalCertificates(options, { authority, key, fallback });
  }

  get fallback(): PemPair {
    return this.#fallback;
  }

  async contextFor(name: string): Promise<SecureContext> {
    const lower = name.toLowerCase();
    return this.#needsOwn(lower) ? this.#names.get(lower) : this.#wildcard;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    clearInterval(this.#renewal);
  }

  #needsOwn(name: string): boolean {
    const dot = name.indexOf(".");
    const parent = name.slice(dot + 1);
    return dot > 0 && !parent.includes(".") && (parent === this.#options.domain || parent === "localhost");
  }

  async #renew(): Promise<void> {
    this.#fallback = await wildcardPair(this.#options.domain, this.#authority, this.#key);
    this.#wildcard = contextOf(this.#fallback);
    for (const listener of this.#listeners) listener();
  }
}

async function wildcardPair(
  domain: string,
  authority: CertificateAuthority,
  key: ServerKey,
): Promise<PemPair> {
  // A wildcard below one label would not only be ignored: some clients refuse the whole certificate.
  const wildcards = domain.includes(".") ? [`*.${domain}`] : [];
  return pairFor([...localNames(domain), ...wildcards, "127.0.0.1", "::1"], authority, key);
}

async function pairFor(names: string[], authority: CertificateAuthority, key: ServerKey): Promise<PemPair> {
  const certificate = await authority.issue({ names, publicKey: key.publicKey, validForMs });
  return { certificate, key: key.privateKeyPem };
}

const localNames = (domain: string): string[] => [...new Set([domain, "localhost"])];

/** The authority's key can do no harm elsewhere: it signs for this machine's names only. */
async function openLocalAuthority({ dir, domain }: LocalCertificatesOptions): Promise<CertificateAuthority> {
  await mkdir(dir, { recursive: true, mode: 0o711 });
  await chmod(dir, 0o711);
  return openAuthority(join(dir, "authority.pem"), `Sandbank ${domain}`, {
    domains: localNames(domain),
    addressRanges: ["127.0.0.0/8", "::1/128"],
  });
}
