import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { forwardedHeaders, rawHead } from "./forwarding.ts";

/** What had come of the new protocol before both ends were joined. */
export interface EarlyBytes {
  fromServer: Buffer;
  fromClient: Buffer;
}

/** Passes an answer that changes the protocol on as it is, and joins both ends; each direction ends by itself. */
export function joinUpgraded(
  client: Duplex,
  server: Duplex,
  answer: IncomingMessage,
  early: EarlyBytes,
): void {
  client.write(rawHead(answer, answer.rawHeaders), "latin1");
  if (early.fromServer.length > 0) client.write(early.fromServer);
  if (early.fromClient.length > 0) server.write(early.fromClient);
  server.pipe(client);
  client.pipe(server);
}

/** Passes an answer that does not change the protocol on as an ordinary one; the connection ends with it. */
export function relayRefusedUpgrade(client: Duplex, answer: IncomingMessage, onError: () => void): void {
  const headers = forwardedHeaders(answer.rawHeaders, answer.headers.connection);
  client.write(rawHead(answer, [...headers, "Connection", "close"]), "latin1");
  answer.on("error", onError);
  answer.pipe(client);
}
