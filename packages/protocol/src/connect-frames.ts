/** Connect's envelope around one message of a stream: flags, length, JSON. */
export function jsonFrame(message: unknown): Buffer<ArrayBuffer> {
  const text = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, text]);
}

/** The messages in a whole stream; the last one may be the end with `error`. An incomplete one is left out. */
export function jsonFrames<T>(bytes: Buffer): T[] {
  const messages: T[] = [];
  for (let at = 0; at + 5 <= bytes.length;) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    messages.push(JSON.parse(bytes.toString("utf8", at + 5, end)) as T);
    at = end;
  }
  return messages;
}
