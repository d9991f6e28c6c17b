import { existsSync } from "node:fs";
import type { Socket } from "node:net";
import { getCACertificates } from "node:tls";
import { AppError, errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import type { Interceptor } from "./interceptor.ts";
import { SecretVault } from "./secret-vault.ts";
import type { InterceptedConnection } from "./session.ts";
import type { Decision } from "../decision.ts";

/** What a sandbox's daemon is told, so that its programs trust the node's authority. */
export interface GuestTrust {
  /** PEM. */
  caBundle: string;
  caSubjectHash: string;
  /** PEM certificates of the authorities that this host trusts, for images without any. */
  caRoots: string;
}

export interface NodeTransformOptions {
  /** Root-only; made when the first sandbox with rules comes. */
  authorityFile: string;
  /** Told what became of intercepted connections and their requests; never a header's value. */
  report: (decision: Decision) => void;
  logger: Logger;
}

interface Ready {
  interceptor: Interceptor;
  trust: GuestTrust;
  fingerprint: string;
}

/** Everything of a node that rules need. Costs nothing until a first sandbox has one. */
export class NodeTransform {
  readonly vault = new SecretVault();
  readonly #options: NodeTransformOptions;
  #ready: Promise<Ready> | undefined;

  constructor(options: NodeTransformOptions) {
    this.#options = options;
  }

  /** On a node that has had rules before, the first one after a restart shall not wait for what goes with them. */
  prepare(): void {
    const { authorityFile, logger } = this.#options;
    if (!existsSync(authorityFile)) return;
    this.#start().catch((error: unknown) => {
      logger.error({ error: errorText(error) }, "egress rules can't be used");
    });
  }

  /** For the sandbox's daemon, and the authority's fingerprint by which to know whether it has been told already. */
  async guestTrust(): Promise<{ trust: GuestTrust; fingerprint: string }> {
    return this.#start();
  }

  /** Takes over a client's connection to a host that has a rule. `dial` gives connections to its destination. */
  async handle(raw: Socket, connection: InterceptedConnection, dial: () => Promise<Socket>): Promise<void> {
    const { interceptor } = await this.#start();
    await interceptor.handle(raw, connection, dial);
  }

  /** Cuts every intercepted connection. */
  async close(): Promise<void> {
    const ready = await this.#ready?.catch(() => undefined);
    ready?.interceptor.close();
  }

  #start(): Promise<Ready> {
    // A failure is not kept: the file can be put right while the service runs.
    this.#ready ??= this.#open().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  async #open(): Promise<Ready> {
    const { authorityFile, report, logger } = this.#options;
    // The library behind it takes 20 MB and a tenth of a second, which most nodes never need.
    const [{ openAuthority }, { Interceptor: InterceptorClass }] = await Promise.all([
      import("@sandbank/certificates/authority-file"),
      import("./interceptor.ts"),
    ]);
    const authority = await openAuthority(authorityFile, "Sandbank egress").catch((error: unknown) => {
      // Not the tenant's mistake, whatever class the file's own problem has.
      const message = "this node can't apply network rules: the file of its authority can't be used";
      throw new AppError({ code: "internal", message, cause: error });
    });
    const trustedRoots = hostRoots();
    const interceptor = new InterceptorClass({ authority, trustedRoots, vault: this.vault, report, logger });
    const { certificatePem, subjectHash, fingerprint } = authority;
    logger.info({ authorities: trustedRoots.length, fingerprint }, "egress rules are ready");
    return {
      interceptor,
      fingerprint,
      trust: {
        caBundle: certificatePem,
        caSubjectHash: subjectHash,
        caRoots: `${trustedRoots.map((pem) => pem.trim()).join("\n")}\n`,
      },
    };
  }
}

/** The authorities in this host's trust store and in `NODE_EXTRA_CA_CERTS`; Mozilla's list where there is no store. */
function hostRoots(): string[] {
  const own = [...getCACertificates("system"), ...getCACertificates("extra")];
  return [...new Set(own.length > 0 ? own : getCACertificates("bundled"))];
}
