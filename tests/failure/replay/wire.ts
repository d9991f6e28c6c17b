import { once } from "node:events";
import { request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { encodeFrame } from "../../../packages/envd/src/rpc/frames.ts";
import { collect } from "../../../packages/envd/src/testing/wire-client.ts";

const answerTimeoutMs = 60_000;

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  json: Record<string, unknown>;
}

const brokenOff = new Set(["ECONNRESET", "ECONNREFUSED", "EPIPE", "ECONNABORTED"]);

/** Undefined when the connection ended before a whole answer had come: nobody knows then what was done. */
export async function ask(
  url: URL,
  method: string,
  headers: Record<string, string>,
  body?: string | Uint8Array,
): Promise<Answer | undefined> {
  const sent = request(url, { method, headers, agent: false, timeout: answerTimeoutMs });
  sent.on("timeout", () => sent.destroy(new Error(`${method} ${url.pathname}: no answer in a minute`)));
  // Told by what is awaited below; a reset may also come after that.
  sent.on("error", () => undefined);
  sent.end(body);
  try {
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const isJson = response.headers["content-type"]?.startsWith("application/json") && bytes.length > 0;
    const json = isJson ? (JSON.parse(bytes.toString()) as Answer["json"]) : {};
    return { status: response.statusCode ?? 0, headers: response.headers, bytes, json };
  } catch (error) {
    if (brokenOff.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** What a shell command in the sandbox prints, or the status that came instead; undefined as in `ask`. */
export async function runInSandbox(
  proxyUrl: string,
  sandbox: { id: string; token: string },
  script: string,
): Promise<{ status: number; stdout: string } | undefined> {
  const message = { process: { cmd: "/bin/sh", args: ["-c", script] }, stdin: false };
  const headers = {
    "content-type": "application/connect+json",
    "connect-protocol-version": "1",
    "e2b-sandbox-id": sandbox.id,
    "e2b-sandbox-port": "49983",
    "x-access-token": sandbox.token,
  };
  const url = new URL("/process.Process/Start", proxyUrl);
  const answer = await ask(url, "POST", headers, encodeFrame(0, JSON.stringify(message)));
  if (answer?.status !== 200) return answer && { status: answer.status, stdout: "" };
  const { stdout, end } = collect(answer.bytes);
  // Cut off with the end missing, as when the service or the sandbox dies in the middle.
  return end ? { status: 200, stdout } : undefined;
}
