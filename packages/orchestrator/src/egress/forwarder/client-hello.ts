import { parseDomainPattern } from "@sandbank/core/domain-pattern";

/**
 * What the first bytes of a connection say. Records are put together first: a ClientHello may be cut into several, and the
 * libraries at hand read only the first one, so that a name in the second would pass unseen.
 */
export type HelloReading =
  | { state: "incomplete" }
  | { state: "not tls" }
  /** Lower-case; undefined when there is none, or none that is a host name. */
  | { state: "hello"; serverName: string | undefined };

const handshakeRecord = 22;
const clientHelloMessage = 1;
const serverNameExtension = 0;
const hostNameType = 0;
/** Longest ClientHello that is looked at; those of today have up to 2 KiB. */
const maxHelloBytes = 32 * 1024;

const notTls: HelloReading = { state: "not tls" };

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Throws RangeError when there is less. */
  number(length: 1 | 2 | 3): number {
    const value = this.#bytes.readUIntBE(this.#at, length);
    this.#at += length;
    return value;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new RangeError("a length reaches beyond the end");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A part that begins with its own length. */
  vector(lengthBytes: 1 | 2): Reader {
    return new Reader(this.take(this.number(lengthBytes)));
  }
}

/** The handshake bytes of the records up to another kind's (data may follow at once); undefined when there is none. */
function joinRecords(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const isHandshake = bytes[at] === handshakeRecord && (bytes[at + 1] ?? 3) === 3;
    if (!isHandshake && at === 0) return undefined;
    if (!isHandshake) break;
    if (at + 5 > bytes.length) break;
    const end = at + 5 + bytes.readUInt16BE(at + 3);
    // A part of a record is as good as the whole when it has what is looked for.
    parts.push(bytes.subarray(at + 5, Math.min(end, bytes.length)));
    at = end;
  }
  return Buffer.concat(parts);
}

/** Reads a connection's bytes from its beginning; call again with more while it is incomplete. */
export function readClientHello(bytes: Buffer): HelloReading {
  if (bytes.length === 0) return { state: "incomplete" };
  const handshake = joinRecords(bytes);
  if (!handshake) return notTls;
  if (handshake.length < 4) return { state: "incomplete" };
  const length = handshake.readUIntBE(1, 3);
  if (handshake[0] !== clientHelloMessage || length > maxHelloBytes) return notTls;
  if (handshake.length < 4 + length) return { state: "incomplete" };
  try {
    return { state: "hello", serverName: serverNameOf(new Reader(handshake.subarray(4, 4 + length))) };
  } catch (error) {
    if (error instanceof RangeError) return notTls;
    throw error;
  }
}

function serverNameOf(hello: Reader): string | undefined {
  hello.take(2 + 32);
  hello.vector(1);
  hello.vector(2);
  hello.vector(1);
  if (hello.left === 0) return undefined;
  const extensions = hello.vector(2);
  let name: string | undefined;
  for (let seen = false; extensions.left > 0;) {
    const type = extensions.number(2);
    const data = extensions.vector(2);
    if (type !== serverNameExtension) continue;
    // Of two names a server might take the other one.
    if (seen) return undefined;
    seen = true;
    name = hostNameIn(data.vector(2));
  }
  return name;
}

function hostNameIn(names: Reader): string | undefined {
  const type = names.number(1);
  const text = names.vector(2);
  if (type !== hostNameType || names.left > 0) return undefined;
  const name = parseDomainPattern(text.take(text.left).toString("latin1"));
  return name?.startsWith("*.") ? undefined : name;
}
