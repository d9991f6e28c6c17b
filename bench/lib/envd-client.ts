import { once } from "node:events";
import { request as httpRequest, type Agent, type IncomingMessage } from "node:http";

export interface EnvdEndpoint {
  host: string;
  port: number;
  agent: Agent;
  /** Routing headers and access token. */
  headers: Record<string, string>;
}

export interface CommandTiming {
  stdout: string;
  exitCode: number;
  /** From the call to the first byte of output; undefined without output. */
  firstOutputMs: number | undefined;
  totalMs: number;
}

interface ProcessEvent {
  event?: { data?: { stdout?: string }; end?: { exitCode?: number } };
}

const endOfStream = 2;

/** One message as a frame of a Connect stream: flags, length, JSON. */
function frame(message: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(json.length, 1);
  return Buffer.concat([head, json]);
}

/** Runs a command the way that the SDKs do, without their own cost. */
export async function runCommand(
  endpoint: EnvdEndpoint,
  cmd: string,
  args: string[],
): Promise<CommandTiming> {
  const { host, port, agent, headers } = endpoint;
  const started = performance.now();
  const body = frame({ process: { cmd, args }, stdin: false });
  const request = httpRequest({
    host,
    port,
    agent,
    method: "POST",
    path: "/process.Process/Start",
    headers: {
      "content-type": "application/connect+json",
      "connect-protocol-version": "1",
      "content-length": body.length,
      ...headers,
    },
  });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const timing = { stdout: "", exitCode: -1, firstOutputMs: undefined as number | undefined };
  let buffer = Buffer.alloc(0);
  for await (const chunk of response) {
    buffer = Buffer.concat([buffer, chunk as Buffer]);
    while (buffer.length >= 5 && buffer.length >= 5 + buffer.readUInt32BE(1)) {
      const end = 5 + buffer.readUInt32BE(1);
      const text = buffer.subarray(5, end).toString();
      if (buffer.readUInt8(0) & endOfStream) failOnError(text);
      else takeEvent(JSON.parse(text) as ProcessEvent, timing, started);
      buffer = buffer.subarray(end);
    }
  }
  if (response.statusCode !== 200) throw new Error(`Start answered ${response.statusCode}`);
  return { ...timing, totalMs: performance.now() - started };
}

function takeEvent(
  { event }: ProcessEvent,
  timing: { stdout: string; exitCode: number; firstOutputMs: number | undefined },
  started: number,
): void {
  const stdout = event?.data?.stdout;
  if (stdout !== undefined) {
    timing.firstOutputMs ??= performance.now() - started;
    timing.stdout += Buffer.from(stdout, "base64").toString();
  }
  // JSON of protobuf leaves zeros out.
  if (event?.end) timing.exitCode = event.end.exitCode ?? 0;
}

function failOnError(endOfStreamText: string): void {
  const { error } = JSON.parse(endOfStreamText) as { error?: { code: string; message?: string } };
  if (error) throw new Error(`Start ended with ${error.code}: ${error.message}`);
}
