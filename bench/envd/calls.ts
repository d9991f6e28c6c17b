import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";
import type { EnvdEndpoint } from "../lib/envd-client.ts";

const mib = 1024 * 1024;
const chunk = Buffer.alloc(mib, 0x61);
const boundary = "envd-bench";

async function send(
  endpoint: EnvdEndpoint,
  path: string,
  headers: Record<string, string | number>,
  pieces: readonly Uint8Array[],
): Promise<IncomingMessage> {
  const { host, port, agent } = endpoint;
  const method = pieces.length > 0 ? "POST" : "GET";
  const request = httpRequest({
    host,
    port,
    agent,
    method,
    path,
    headers: { ...endpoint.headers, ...headers },
  });
  const answered = once(request, "response");
  for (const piece of pieces) if (!request.write(piece)) await once(request, "drain");
  request.end();
  const [response] = (await answered) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`${path} answered ${response.statusCode}`);
  return response;
}

async function drain(response: IncomingMessage): Promise<number> {
  let total = 0;
  for await (const piece of response) total += (piece as Buffer).length;
  return total;
}

const filesPath = (path: string): string => `/files?path=${encodeURIComponent(path)}`;

export async function uploadOctets(endpoint: EnvdEndpoint, path: string, sizeMib: number): Promise<void> {
  const headers = { "content-type": "application/octet-stream", "content-length": sizeMib * mib };
  const pieces = Array.from({ length: sizeMib }, () => chunk);
  await drain(await send(endpoint, filesPath(path), headers, pieces));
}

export async function uploadForm(endpoint: EnvdEndpoint, path: string, sizeMib: number): Promise<void> {
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="big"\r\n\r\n`;
  const pieces = [
    Buffer.from(head),
    ...Array.from({ length: sizeMib }, () => chunk),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ];
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const headers = { "content-type": `multipart/form-data; boundary=${boundary}`, "content-length": length };
  await drain(await send(endpoint, filesPath(path), headers, pieces));
}

export async function download(endpoint: EnvdEndpoint, path: string, sizeMib: number): Promise<void> {
  const total = await drain(await send(endpoint, filesPath(path), {}, []));
  if (total !== sizeMib * mib) throw new Error(`${total} bytes came back`);
}

/** A unary call of filesystem.Filesystem; the answer is read, not decoded. */
export async function filesystem(endpoint: EnvdEndpoint, method: string, message: object): Promise<void> {
  const body = Buffer.from(JSON.stringify(message));
  const headers = { "content-type": "application/json", "content-length": body.length };
  await drain(await send(endpoint, `/filesystem.Filesystem/${method}`, headers, [body]));
}

/** Runs a command and reads its output without decoding it, so that the server is what is measured. */
export async function streamOutput(endpoint: EnvdEndpoint, cmd: string, args: string[]): Promise<void> {
  const json = Buffer.from(JSON.stringify({ process: { cmd, args }, stdin: false }));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(json.length, 1);
  const headers = { "content-type": "application/connect+json", "content-length": json.length + 5 };
  await drain(await send(endpoint, "/process.Process/Start", headers, [head, json]));
}
