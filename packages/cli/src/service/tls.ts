import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Api } from "@sandbank/api/server";
import { CertificateFiles } from "@sandbank/certificates/certificate-files";
import type { CertificateSource } from "@sandbank/certificates/certificate-source";
import { SecureServer } from "@sandbank/certificates/secure-server";
import type { Logger } from "@sandbank/core/logger";
import type { Proxy } from "@sandbank/proxy/server";
import { type Config, trustedAuthorityFiles } from "../config/env.ts";
import { domainHost, type Paths } from "../config/paths.ts";
import type { TlsStatus } from "./admin-server.ts";

/** TLS on the ports of the API and of the sandbox proxy. */
export interface Tls {
  status(): TlsStatus;
  close(options: { graceMs: number }): void;
}

const systemBundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/cert.pem",
];

/** Makes both servers speak TLS too. The API also answers as `api.{domain}` on the proxy's port. */
export async function startTls(
  config: Config & { tls: NonNullable<Config["tls"]> },
  paths: Paths,
  { api, proxy }: { api: Pick<Api, "server">; proxy: Pick<Proxy, "server"> },
  logger: Logger,
): Promise<Tls> {
  const { certificates, trust, lacking = [] } = await openCertificates(config, paths, logger);
  const apiName = `api.${domainHost(config)}`;
  const apiServer = new SecureServer(api.server, { certificates, logger });
  const proxyServer = new SecureServer(proxy.server, {
    certificates,
    logger,
    takeOver(socket, name) {
      if (name.toLowerCase() !== apiName) return false;
      apiServer.accept(socket);
      return true;
    },
  });
  for (const warning of warningsOf(certificates, config)) logger.warn({ warning }, "certificate");
  const status = { ...urlsOf(config), ...(trust ? { trust } : {}) };
  return {
    status: () => ({ ...status, warnings: [...lacking, ...warningsOf(certificates, config)] }),
    close(options) {
      certificates.close();
      apiServer.close(options);
      proxyServer.close(options);
    },
  };
}

async function openCertificates(
  config: Config & { tls: NonNullable<Config["tls"]> },
  paths: Paths,
  logger: Logger,
): Promise<{ certificates: CertificateSource; trust?: TlsStatus["trust"]; lacking?: string[] }> {
  if (config.tls.kind === "files") {
    return { certificates: await CertificateFiles.open({ ...config.tls, logger }) };
  }
  // Loaded only here: what signs certificates takes a tenth of a second.
  const { LocalCertificates } = await import("@sandbank/certificates/local-certificates");
  const certificates = await LocalCertificates.open({
    dir: paths.tlsDir,
    domain: domainHost(config),
    logger,
  });
  return { certificates, ...(await writeTrust(paths.tlsDir, certificates.authorityPem)) };
}

/** Names for addresses that the clients' machine resolves; only the local domain is reached by address. */
function urlsOf(config: Config): { apiUrl: string; proxyUrl: string } {
  if (domainHost(config) === "localhost") {
    return {
      apiUrl: `https://127.0.0.1:${config.apiPort}`,
      proxyUrl: `https://127.0.0.1:${config.proxyPort}`,
    };
  }
  return { apiUrl: `https://api.${config.domain}`, proxyUrl: `https://sandbox.${config.domain}` };
}

/** What clients are told to trust. Programs that take one file for everything go on trusting what they trusted before. */
async function writeTrust(
  dir: string,
  authorityPem: string,
): Promise<{ trust: NonNullable<TlsStatus["trust"]>; lacking: string[] }> {
  const authorityFile = join(dir, "ca.pem");
  const bundleFile = join(dir, "ca-bundle.pem");
  const known = trustedAuthorityFiles();
  const instead = [known.instead, ...systemBundles].find((file) => isTheirs(file, dir));
  const besides = [known.besides].find((file) => isTheirs(file, dir));
  const texts: string[] = [];
  for (const file of new Set([instead, besides]))
    if (file !== undefined) texts.push(await readFile(file, "utf8"));
  // The folder of all domains' authorities: everybody may pass through.
  await chmod(dirname(dir), 0o711);
  await replace(authorityFile, authorityPem);
  await replace(
    bundleFile,
    [...texts, authorityPem]
      .map((text) => text.trim())
      .join("\n")
      .concat("\n"),
  );
  const lacking = `this machine has no bundle of authorities: with ${bundleFile} clients trust this cloud and nobody else; install ca-certificates and restart`;
  return {
    trust: { authorityFile, bundleFile, nodeFile: besides === undefined ? authorityFile : bundleFile },
    lacking: instead === undefined ? [lacking] : [],
  };
}

/** Files that this service wrote itself may be what the environment names: `sandbank env` says so. */
const isTheirs = (file: string | undefined, ownDir: string): boolean =>
  file !== undefined && !file.startsWith(`${ownDir}/`) && existsSync(file);

async function replace(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  // Whatever this process' umask took away.
  await chmod(`${file}.new`, 0o644);
  await rename(`${file}.new`, file);
}

function warningsOf(certificates: CertificateSource, config: Config): string[] {
  if (config.tls?.kind !== "files") return [];
  const file = config.tls.certificateFile;
  const certificate = new X509Certificate(certificates.fallback.certificate);
  const host = domainHost(config);
  const warnings = [`api.${host}`, `8000-sandbox.${host}`]
    .filter((name) => certificate.checkHost(name) === undefined)
    .map((name) => `the certificate ${file} is not for ${name}: it should be for *.${host}`);
  if (Date.parse(certificate.validTo) < Date.now()) {
    warnings.push(`the certificate ${file} expired on ${certificate.validTo}`);
  }
  return warnings;
}
