import type { ServiceStatus } from "../service/admin-server.ts";

/** What E2B's clients read, for `eval "$(sandbank env)"`. */
export function exportLines(status: ServiceStatus, apiKey: string): string {
  const { apiUrl, proxyUrl } = status.tls ?? status;
  const trust = status.tls?.trust;
  const variables = {
    E2B_API_URL: apiUrl,
    E2B_SANDBOX_URL: proxyUrl,
    E2B_VOLUME_API_URL: apiUrl,
    E2B_DOMAIN: status.domain,
    E2B_API_KEY: apiKey,
    ...(trust && {
      NODE_EXTRA_CA_CERTS: trust.nodeFile,
      // Python: e2b and httpx read the first, requests the second. curl reads the third before the first.
      SSL_CERT_FILE: trust.bundleFile,
      REQUESTS_CA_BUNDLE: trust.bundleFile,
      CURL_CA_BUNDLE: trust.bundleFile,
    }),
  };
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${value}\n`)
    .join("");
}
