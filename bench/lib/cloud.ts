import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { TestCloud } from "@sandbank/cli/testkit";
import { envdPort } from "@sandbank/protocol/headers";
import type { Isolation } from "./bare-runtime.ts";
import type { EnvdEndpoint } from "./envd-client.ts";

export interface CreatedSandbox {
  sandboxId: string;
  accessToken: string;
}

/** A cloud of the bench's own, and the few calls that are timed, over plain HTTP on kept connections as the SDKs' are. */
export class BenchCloud implements AsyncDisposable {
  readonly #cloud: TestCloud;
  readonly #env: Record<string, string>;
  readonly #agent = new Agent({ keepAlive: true });

  private constructor(cloud: TestCloud, env: Record<string, string>) {
    this.#cloud = cloud;
    this.#env = env;
  }

  static async start(isolation: Isolation): Promise<BenchCloud> {
    const cloud = await TestCloud.create({ isolation });
    try {
      await cloud.up();
      return new BenchCloud(cloud, await cloud.environment());
    } catch (error) {
      await cloud.dispose();
      throw error;
    }
  }

  async create(): Promise<CreatedSandbox> {
    const body = await this.#api("POST", "/v2/sandboxes", { templateID: "base", timeout: 300 }, 201);
    const created = JSON.parse(body) as { sandboxID: string; envdAccessToken?: string };
    return { sandboxId: created.sandboxID, accessToken: created.envdAccessToken ?? "" };
  }

  async kill(sandboxId: string): Promise<void> {
    await this.#api("DELETE", `/sandboxes/${sandboxId}`, undefined, 204);
  }

  /** envd of the sandbox as a client of the cloud reaches it. */
  throughProxy(sandbox: CreatedSandbox): EnvdEndpoint {
    const url = new URL(this.#env["E2B_SANDBOX_URL"] ?? "");
    return {
      host: url.hostname,
      port: Number(url.port),
      agent: this.#agent,
      headers: {
        "E2b-Sandbox-Id": sandbox.sandboxId,
        "E2b-Sandbox-Port": String(envdPort),
        "X-Access-Token": sandbox.accessToken,
      },
    };
  }

  /** The same envd at its address on this host. */
  async direct(sandbox: CreatedSandbox): Promise<EnvdEndpoint> {
    const known = await this.#cloud.sandboxes();
    const host = known.find(({ sandboxID }) => sandboxID === sandbox.sandboxId)?.hostAddress;
    if (host === undefined) throw new Error(`the cloud does not list ${sandbox.sandboxId}`);
    return { host, port: envdPort, agent: this.#agent, headers: { "X-Access-Token": sandbox.accessToken } };
  }

  /** What the node took for each step of each create, ms, from its log. */
  async createPhases(sandboxIds: ReadonlySet<string>): Promise<Record<string, number[]>> {
    const phases: Record<string, number[]> = {};
    for (const line of (await this.#cloud.log()).split("\n")) {
      if (!line.includes("phasesMs")) continue;
      const event = JSON.parse(line) as { sandboxId?: string; phasesMs?: Record<string, number> };
      if (!sandboxIds.has(event.sandboxId ?? "")) continue;
      for (const [name, ms] of Object.entries(event.phasesMs ?? {})) (phases[name] ??= []).push(ms);
    }
    return phases;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    await this.#cloud.dispose();
  }

  async #api(method: string, path: string, body: unknown, expected: number): Promise<string> {
    const url = new URL(path, this.#env["E2B_API_URL"]);
    const request = httpRequest(url, {
      method,
      agent: this.#agent,
      headers: { "X-API-Key": this.#env["E2B_API_KEY"] ?? "", "Content-Type": "application/json" },
    });
    request.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(request, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of response) text += String(chunk);
    if (response.statusCode !== expected) {
      throw new Error(`${method} ${path} answered ${response.statusCode}: ${text}`);
    }
    return text;
  }
}
