import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { readFile } from "node:fs/promises";
import type { TLSSocket } from "node:tls";
import { AppError, errorText } from "@sandbank/core/errors";
import type { Config } from "../config/env.ts";
import { domainHost } from "../config/paths.ts";
import type { TlsStatus } from "./admin-server.ts";

const timeoutMs = 10_000;

/**
 * Asks the API for its health over TLS, by name on the proxy's port, as a client does that knows the domain only. Rejects when
 * that fails. Gives what may be wrong for others: with own certificates a client's distrust is no failure, because who issued
 * them may be known elsewhere.
 */
export async function tlsCheck(tls: TlsStatus, config: Config): Promise<string[]> {
  const host = `api.${domainHost(config)}`;
  const ca = tls.trust && (await readFile(tls.trust.authorityFile, "utf8"));
  const sent = request({
    host: config.bindAddress === "0.0.0.0" ? "127.0.0.1" : config.bindAddress,
    port: config.proxyPort,
    servername: host,
    path: "/health",
    headers: { host },
    agent: false,
    rejectUnauthorized: ca !== undefined,
    signal: AbortSignal.timeout(timeoutMs),
    ...(ca === undefined ? {} : { ca }),
  });
  sent.end();
  try {
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    response.resume();
    const { authorizationError } = response.socket as TLSSocket;
    // A node that is draining is unavailable, and it is the API that says so.
    if (response.statusCode !== 204 && response.statusCode !== 503) {
      throw new Error(`the answer is ${response.statusCode} and not the API's`);
    }
    return authorizationError
      ? [`this machine does not trust the certificate (${authorizationError}); others may`]
      : [];
  } catch (error) {
    const message = `https://${host} on port ${config.proxyPort}: ${errorText(error)}`;
    throw new AppError({ code: "internal", message, cause: error });
  }
}
