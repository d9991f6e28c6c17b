import { errorText } from "@sandbank/core/errors";
import type { Config } from "../config/env.ts";
import { domainHost } from "../config/paths.ts";
import { tlsCheck } from "../service/tls-check.ts";
import { type RatedCheck, bad, poor, well } from "./check.ts";
import type { ServiceState } from "./service-state.ts";

/** Whether clients get through over TLS; nothing when the service speaks none. */
export async function checkTls(config: Config, service: ServiceState): Promise<RatedCheck[]> {
  const tls = service.kind === "up" ? service.facts.tls : undefined;
  if (!tls) return [];
  try {
    const warnings = [...tls.warnings, ...(await tlsCheck(tls, config))];
    if (warnings.length === 0) return [well("tls", `https://api.${config.domain} answers`)];
    return [
      poor("tls", {
        evidence: warnings.join("; "),
        meaning: "some clients, or some names, are refused over https",
        remedy: `a certificate for ${domainHost(config)} and *.${domainHost(config)} from an issuer that clients trust; it is loaded as soon as it is there`,
      }),
    ];
  } catch (error) {
    return [
      bad("tls", {
        evidence: errorText(error),
        meaning: "clients can't reach the cloud over https",
        remedy: "see the service's log, and restart the service: sandboxes go on",
      }),
    ];
  }
}
