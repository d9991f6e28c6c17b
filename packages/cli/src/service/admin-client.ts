import { request } from "node:http";
import { AppError, errorCodes } from "@sandbank/core/errors";
import type { SandboxStatus, ServiceStatus } from "./admin-server.ts";

export const notRunning = (): AppError =>
  new AppError({ code: "unavailable", message: "the cloud is not running: start it with ./sandbank up" });

/** The service's own error when the answer is one. */
function failure(operation: string, text: string): AppError {
  try {
    const { error, message } = JSON.parse(text) as { error?: unknown; message?: unknown };
    const code = errorCodes.find((known) => known === error);
    if (code && typeof message === "string") return new AppError({ code, message });
  } catch {
    // Not JSON: shown as it is.
  }
  return new AppError({ code: "internal", message: `${operation} failed: ${text.slice(0, 500)}` });
}

/** Talks to the running service of one cloud. */
export class AdminClient {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Undefined when no service listens. */
  async status(): Promise<ServiceStatus | undefined> {
    try {
      return (await this.#call("GET", "/v1/status")) as ServiceStatus;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ECONNRESET") return undefined;
      throw error;
    }
  }

  async sandboxes(): Promise<SandboxStatus[]> {
    return (await this.#call("GET", "/v1/sandboxes")) as SandboxStatus[];
  }

  /** A read that must not wait for long; rejects with the connection's own error, or TimeoutError. */
  query(path: string, timeoutMs: number): Promise<unknown> {
    return this.#call("GET", path, undefined, timeoutMs);
  }

  async shutdown(mode: "down" | "stop"): Promise<void> {
    await this.#call("POST", `/v1/${mode}`);
  }

  /** Any operation of the socket; rejects with the service's own error. */
  async call(method: string, path: string, body?: unknown, timeoutMs?: number): Promise<unknown> {
    try {
      return await this.#call(method, path, body, timeoutMs);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ECONNREFUSED") throw error;
      throw notRunning();
    }
  }

  #call(method: string, path: string, body?: unknown, timeoutMs = 10_000): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const options = { socketPath: this.#socketPath, method, path, signal: AbortSignal.timeout(timeoutMs) };
    const sent = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        if ((response.statusCode ?? 500) < 300) resolve(JSON.parse(text));
        else reject(failure(`${method} ${path}`, text));
      });
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }
}
