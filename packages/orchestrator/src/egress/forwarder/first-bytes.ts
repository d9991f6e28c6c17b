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
/** Of a request's first line; a longer one that begins with a method is taken for a request. */
const maxLineBytes = 8 * 1024;
const requestLinePattern = /\sHTTP\/[0-9]/;
const printablePattern = /^[\t\x20-\x7e\x80-\xff]*\r?$/;

/**
 * Undefined while more bytes are needed. HTTP is what has a request line, however it begins: servers let empty lines and
 * unknown methods pass. Other protocols have lines of words as well, so the version is what tells.
 */
export function classify(bytes: Buffer): Omit<FirstBytes, "bytes"> | undefined {
  const hello = readClientHello(bytes);
  if (hello.state === "hello") return { kind: "tls", serverName: hello.serverName };
  if (hello.state === "incomplete") return bytes.length < maxBytes ? undefined : unknown;
  const text = bytes.toString("latin1", 0, maxLineBytes).replace(/^[\r\n]+/, "");
  const end = text.indexOf("\n");
  if (end >= 0) return requestLinePattern.test(text.slice(0, end)) ? http : unknown;
  if (!printablePattern.test(text)) return unknown;
  if (bytes.length < maxLineBytes) return undefined;
  return /^[A-Z-]{1,20} /.test(text) ? http : unknown;
}

const http = { kind: "http", serverName: undefined } as const;
const unknown = { kind: "unknown", serverName: undefined } as const;

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
  const giveUp = (): void => finish({ bytes, ...unknown });
  const onData = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const found = classify(bytes);
    if (found) finish({ bytes, ...found });
  };
  // It has nothing more to say, but may still listen.
  const onEnd = (): void => giveUp();
  const onClose = (): void => finish(undefined);
  const timer = setTimeout(giveUp, timeoutMs);
  client.on("data", onData);
  client.on("end", onEnd);
  client.on("close", onClose);
  client.resume();
  return promise;
}
