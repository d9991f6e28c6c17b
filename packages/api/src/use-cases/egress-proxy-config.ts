import { X509Certificate } from "node:crypto";
import { isIPv4 } from "node:net";
import { parseDomainPattern } from "@sandbank/core/domain-pattern";
import type { EgressProxy, EgressProxyTls } from "@sandbank/protocol/egress-policy";
import type { components } from "@sandbank/protocol/gen/openapi";
import { invalidNetwork } from "./sandbox-errors.ts";

type ProxyConfig = components["schemas"]["EgressProxy"];
type TlsConfig = NonNullable<NonNullable<ProxyConfig>["tls"]>;

/** RFC 1929's. */
const maxCredentialBytes = 255;

const maxCaBytes = 8_192;

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function readAddress(address: string): { host: string; port: number } {
  const match = /^([^:]+):([0-9]{1,5})$/.exec(address);
  const port = Number(match?.[2]);
  const host = (match?.[1] ?? "").toLowerCase();
  const isHost = isIPv4(host) || (!host.startsWith("*.") && parseDomainPattern(host) !== undefined);
  if (!isHost || !(port >= 1 && port <= 65_535)) {
    throw invalidNetwork(`egressProxy.address "${address}" is not "host:port"`);
  }
  return { host, port };
}

function readCredential(field: string, value: string | undefined): string | undefined {
  const bytes = Buffer.byteLength(value ?? "");
  if (value !== undefined && (bytes === 0 || bytes > maxCredentialBytes)) {
    throw invalidNetwork(`egressProxy.${field} must have 1 to ${maxCredentialBytes} bytes`);
  }
  return value;
}

function readCertificates(pem: string): string {
  if (Buffer.byteLength(pem) > maxCaBytes) {
    throw invalidNetwork(`egressProxy.tls.caCert has more than ${maxCaBytes} bytes`);
  }
  const certificates = pem.match(certificatePattern) ?? [];
  try {
    for (const certificate of certificates) void new X509Certificate(certificate);
  } catch {
    // What the parser says of a client's bytes is of no use to the client.
    throw invalidNetwork("egressProxy.tls.caCert has a certificate that can't be read");
  }
  if (certificates.length === 0) throw invalidNetwork("egressProxy.tls.caCert has no PEM certificate");
  return certificates.join("\n");
}

function readTls({ enabled, serverName, caCert }: TlsConfig): EgressProxyTls | undefined {
  if (!enabled) {
    if (serverName === undefined && caCert === undefined) return undefined;
    throw invalidNetwork("egressProxy.tls.enabled is false, so nothing else may be set there");
  }
  if (serverName !== undefined && parseDomainPattern(serverName) === undefined) {
    throw invalidNetwork(`egressProxy.tls.serverName "${serverName}" is no name`);
  }
  return { serverName, ca: caCert === undefined ? undefined : readCertificates(caCert) };
}

/** Throws `invalid_argument`; whether the proxy's name leads anywhere is for the node to find out. */
export function readEgressProxy(config: ProxyConfig | undefined): EgressProxy | undefined {
  if (!config) return undefined;
  const username = readCredential("username", config.username);
  const password = readCredential("password", config.password);
  if (password !== undefined && username === undefined) {
    throw invalidNetwork("egressProxy.password asks for egressProxy.username");
  }
  return {
    ...readAddress(config.address),
    username,
    password,
    tls: config.tls ? readTls(config.tls) : undefined,
  };
}
