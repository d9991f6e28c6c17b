import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { SecureContext } from "node:tls";
import { AppError, errorText } from "@sandbank/core/errors";
import { type Logger, silentLogger } from "@sandbank/core/logger";
import { type CertificateSource, contextOf, type PemPair } from "./certificate-source.ts";

export interface CertificateFilesOptions {
  certificateFile: string;
  keyFile: string;
  logger?: Logger;
  /** Between two looks at the files; 2 s unless told. */
  intervalMs?: number;
}

/**
 * A certificate and its key from files that somebody else renews. Looks at them every few seconds, through links, so
 * that it does not matter whether they are written, renamed or linked anew; what does not load leaves the old pair.
 */
export class CertificateFiles implements CertificateSource {
  readonly #options: CertificateFilesOptions;
  readonly #logger: Logger;
  readonly #timer: NodeJS.Timeout;
  readonly #listeners: (() => void)[] = [];
  #seen: string;
  #pair: PemPair;
  #context: SecureContext;

  private constructor(options: CertificateFilesOptions, seen: string, pair: PemPair) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#seen = seen;
    this.#pair = pair;
    this.#context = contextOf(pair);
    this.#timer = setInterval(() => void this.check(), options.intervalMs ?? 2_000).unref();
  }

  /** Rejects with `failed_precondition` naming the files when they can't be used. */
  static async open(options: CertificateFilesOptions): Promise<CertificateFiles> {
    const { certificateFile, keyFile } = options;
    try {
      const seen = await stateOf(options);
      return new CertificateFiles(options, seen, await readPair(options));
    } catch (error) {
      throw new AppError({
        code: "failed_precondition",
        message: `the certificate ${certificateFile} with the key ${keyFile} can't be used: ${errorText(error)}`,
        cause: error,
      });
    }
  }

  get fallback(): PemPair {
    return this.#pair;
  }

  contextFor(): Promise<SecureContext> {
    return Promise.resolve(this.#context);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Loads the files when they are others than at the last look. Never rejects. */
  async check(): Promise<void> {
    const { certificateFile } = this.#options;
    try {
      const state = await stateOf(this.#options);
      if (state === this.#seen) return;
      this.#seen = state;
      const pair = await readPair(this.#options);
      this.#context = contextOf(pair);
      this.#pair = pair;
      for (const listener of this.#listeners) listener();
      this.#logger.info({ certificateFile, until: validUntil(pair) }, "certificate loaded anew");
    } catch (error) {
      const state = errorText(error);
      // A file that is missing is missed once, not every two seconds.
      if (state !== this.#seen)
        this.#logger.error(
          { certificateFile, error: state },
          "the new certificate can't be used: the old one stays",
        );
      if ((error as NodeJS.ErrnoException).code === "ENOENT") this.#seen = state;
    }
  }
}

async function readPair({ certificateFile, keyFile }: CertificateFilesOptions): Promise<PemPair> {
  const pair = { certificate: await readFile(certificateFile, "utf8"), key: await readFile(keyFile, "utf8") };
  // Throws when they are no pair.
  contextOf(pair);
  return pair;
}

/** What tells one state of the two files from another. */
async function stateOf({ certificateFile, keyFile }: CertificateFilesOptions): Promise<string> {
  const parts: string[] = [];
  for (const file of [certificateFile, keyFile]) {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    parts.push([dev, ino, size, mtimeNs, ctimeNs].join(":"));
  }
  return parts.join(" ");
}

const validUntil = (pair: PemPair): string =>
  new Date(new X509Certificate(pair.certificate).validTo).toISOString();
