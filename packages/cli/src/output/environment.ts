import type { ServiceStatus } from "../service/admin-server.ts";

/** What E2B's clients read, for `eval "$(sandbank env)"`. */
export function exportLines(status: ServiceStatus, apiKey: string): string {
  const variables = {
    E2B_API_URL: status.apiUrl,
    E2B_SANDBOX_URL: status.proxyUrl,
    E2B_DOMAIN: status.domain,
    E2B_API_KEY: apiKey,
  };
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${value}\n`)
    .join("");
}
