import type { Socket } from "node:net";
import { readClientHello } from "./client-hello.ts";

/** What a client said first. `unknown`: neither TLS nor HTTP, nothing in time, or too much of nothing. */
export interface FirstBytes {
  bytes: Buffer;
  kind: "tls" | "http" | "unknown";
  serverName: string | undefined;
}

/** A ClientHello of the greatest length, in records. */
const maxBytes = 40 * 1024;
/** A method, a space, and something of a target. */
const httpPattern = /^[A-Z-]{3,20} [^ \r\n]/;
const httpBeginPattern = /^[A-Z-]{1,20} ?$/;

/** Undefined while more bytes are needed. */
export function classify(bytes: Buffer): Omit<FirstBytes, "bytes"> | undefined {
  const hello = readClientHello(bytes);
  if (hello.state === "hello") return { kind: "tls", serverName: hello.serverName };
  if (hello.state === "incomplete") {
    return bytes.length < maxBytes ? undefined : { kind: "unknown", serverName: undefined };
  }
  const text = bytes.toString("latin1", 0, 32);
  // The preface of HTTP/2 without TLS: what follows is not HTTP/1.1.
  if (httpPattern.test(text) && !text.startsWith("PRI * ")) return { kind: "http", serverName: undefined };
  return httpBeginPattern.test(text) ? undefined : { kind: "unknown", serverName: undefined };
}

/**
 * Waits until a client has said what it speaks, for `timeoutMs` at most, and leaves its socket paused. What was read is in
 * the result and nowhere else. Undefined when the client is gone.
 */
export function readFirstBytes(client: Socket, timeoutMs: number): Promise<FirstBytes | undefined> {
  const { promise, resolve } = Promise.withResolvers<FirstBytes | undefined>();
  let bytes: Buffer = Buffer.alloc(0);
  const finish = (result: FirstBytes | undefined): void => {
    clearTimeout(timer);
    client.pause();
    client.off("data", onData);
    client.off("end", onEnd);
    client.off("close", onClose);
    resolve(result);
  };
  const unknown = (): void => finish({ bytes, kind: "unknown", serverName: undefined });
  const onData = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const found = classify(bytes);
    if (found) finish({ bytes, ...found });
  };
  // It has nothing more to say, but may still listen.
  const onEnd = (): void => unknown();
  const onClose = (): void => finish(undefined);
  const timer = setTimeout(unknown, timeoutMs);
  client.on("data", onData);
  client.on("end", onEnd);
  client.on("close", onClose);
  client.resume();
  return promise;
}
