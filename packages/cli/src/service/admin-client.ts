import { request } from "node:http";
import { AppError } from "@sandbank/core/errors";
import type { SandboxStatus, ServiceStatus } from "./admin-server.ts";

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

  async shutdown(mode: "down" | "stop"): Promise<void> {
    await this.#call("POST", `/v1/${mode}`);
  }

  #call(method: string, path: string): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const options = { socketPath: this.#socketPath, method, path, signal: AbortSignal.timeout(10_000) };
    const sent = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        if ((response.statusCode ?? 500) < 300) resolve(JSON.parse(text));
        else
          reject(
            new AppError({ code: "internal", message: `${method} ${path} failed: ${text.slice(0, 500)}` }),
          );
      });
    });
    sent.on("error", reject);
    sent.end();
    return promise;
  }
}
