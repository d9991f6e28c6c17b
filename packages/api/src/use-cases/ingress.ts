import { AppError } from "@sandbank/core/errors";
import { envdPort } from "@sandbank/protocol/headers";

/** How the edge speaks to services in a sandbox; both absent unless asked for. */
export interface Ingress {
  /** `${PORT}` stands for the port. */
  maskRequestHost?: string;
  httpsPorts?: number[];
}

/** A name or address with an optional port, once the placeholder is a number; nothing that could end the header. */
const host = /^(?:[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** The part of a network configuration, as the client sent it and the store keeps it, that is about incoming traffic. */
export function ingressOf(network: Record<string, unknown> | null | undefined): Ingress {
  const { maskRequestHost, httpsPorts } = network ?? {};
  return {
    ...(typeof maskRequestHost === "string" && maskRequestHost !== "" ? { maskRequestHost } : {}),
    ...(Array.isArray(httpsPorts) && httpsPorts.length > 0 ? { httpsPorts: httpsPorts.map(Number) } : {}),
  };
}

/** Rejects with `invalid_argument` what the edge could not do. */
export function checkIngress({ maskRequestHost, httpsPorts }: Ingress): void {
  if (maskRequestHost !== undefined && !host.test(maskRequestHost.replaceAll("${PORT}", "65535"))) {
    throw invalid(`network.maskRequestHost is no host name: ${JSON.stringify(maskRequestHost)}`);
  }
  if (httpsPorts?.includes(envdPort)) {
    throw invalid(`network.httpsPorts can't have ${envdPort}: the sandbox's daemon does not speak TLS`);
  }
}

const invalid = (what: string): AppError =>
  new AppError({ code: "invalid_argument", message: `validation error: ${what}` });
