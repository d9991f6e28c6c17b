import type { HostCheck } from "../doctor/check.ts";
import type { TlsStatus } from "../service/admin-server.ts";

/** Where the cloud speaks TLS and how each client comes to trust it, for people; `resolver` is doctor's check. */
export function tlsHelp(tls: TlsStatus, domain: string, resolver: HostCheck): string {
  const apiUrls = [...new Set([tls.apiUrl, `https://api.${domain}`])];
  const lines = [
    `TLS: API ${apiUrls.join(" and ")}, port URLs https://{port}-{sandbox id}.${domain}; plain http from this machine goes on`,
    ...tls.warnings.map((warning) => `Warning: ${warning}`),
    ...(tls.trust ? trustLines(tls.trust) : []),
    // Browsers and curl know *.localhost by themselves; other programs ask the system's resolver.
    ...(resolver.ok ? [] : [`Port URLs by name: ${resolver.meaning}. Remedy: ${resolver.remedy}`]),
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
