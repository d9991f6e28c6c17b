import { lookup } from "node:dns/promises";
import type { TlsStatus } from "../service/admin-server.ts";

/** Where the cloud speaks TLS and how each client comes to trust it, for people. */
export async function tlsHelp(tls: TlsStatus, domain: string): Promise<string> {
  const lines = [
    `TLS: API ${tls.apiUrl} and https://api.${domain}, port URLs https://{port}-{sandbox id}.${domain}; plain http from this machine goes on`,
    ...tls.warnings.map((warning) => `Warning: ${warning}`),
    ...(tls.trust ? trustLines(tls.trust) : []),
    ...(await resolverLines(domain)),
  ];
  return `${lines.join("\n")}\n\n`;
}

function trustLines({ authorityFile, bundleFile, nodeFile }: NonNullable<TlsStatus["trust"]>): string[] {
  const clients = [
    ["Node", `NODE_EXTRA_CA_CERTS=${nodeFile}`, "in ./sandbank env"],
    ["Python (e2b, httpx)", `SSL_CERT_FILE=${bundleFile}`, "in ./sandbank env"],
    ["Python (requests)", `REQUESTS_CA_BUNDLE=${bundleFile}`, "in ./sandbank env"],
    ["curl", `CURL_CA_BUNDLE=${bundleFile}`, `in ./sandbank env; or --cacert ${authorityFile}`],
    [
      "Chromium, Chrome",
      `certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n Sandbank -i ${authorityFile}`,
      "from libnss3-tools",
    ],
    ["Firefox", `Settings, Certificates, Authorities: import ${authorityFile}`],
    [
      "the system's store",
      `sudo cp ${authorityFile} /usr/local/share/ca-certificates/sandbank.crt && sudo update-ca-certificates`,
      "curl, git, Python's e2b; Node with NODE_USE_SYSTEM_CA=1",
    ],
  ];
  const width = Math.max(...clients.map(([client]) => client?.length ?? 0));
  return [
    `Certificates are of a local authority (${authorityFile}); who is to trust it:`,
    ...clients.map(
      ([client = "", what, note]) => `  ${client.padEnd(width)}  ${what}${note ? `  (${note})` : ""}`,
    ),
  ];
}

/** Browsers and curl know `*.localhost` by themselves; other programs ask the system's resolver. */
async function resolverLines(domain: string): Promise<string[]> {
  const host = `8000-sandbox.${domain.replace(/:\d+$/, "")}`;
  try {
    await lookup(host);
    return [];
  } catch {
    const remedy = host.endsWith(".localhost")
      ? "install libnss-myhostname (or use systemd-resolved)"
      : `let ${host.replace(/^[^.]+/, "*")} lead to this machine in your DNS`;
    return [`Port URLs in programs other than browsers and curl: ${host} does not resolve here; ${remedy}`];
  }
}
