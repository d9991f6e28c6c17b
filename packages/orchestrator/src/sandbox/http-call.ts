import { request } from "node:http";

export interface HttpCall {
  host: string;
  port: number;
  method: "GET" | "POST";
  path: string;
  headers?: Record<string, string>;
  body?: Buffer | string;
  /** For all of it, from connecting to the last byte. */
  timeoutMs: number;
}

export interface HttpAnswer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: Buffer;
}

const maxBodyBytes = 1024 * 1024;

/** One request on a connection of its own. Rejects when no whole answer comes in time. */
export function httpCall(call: HttpCall): Promise<HttpAnswer> {
  const { host, port, method, path, timeoutMs, body = "" } = call;
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = { "content-length": Buffer.byteLength(body), ...call.headers };
  const sent = request({ host, port, method, path, headers, agent: false, signal }, (response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBodyBytes)
        response.destroy(new Error(`the answer is larger than ${maxBodyBytes} bytes`));
      else chunks.push(chunk);
    });
    response.on("end", () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
    );
    response.on("error", reject);
  });
  sent.on("error", (error) => reject(signal.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error));
  sent.end(body);
  return promise;
}
