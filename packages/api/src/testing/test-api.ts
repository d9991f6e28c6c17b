import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newBuildId, newTemplateId } from "@sandbank/core/ids";
import type { BuildManifest } from "@sandbank/protocol/build-manifest";
import { type Store, openStore } from "@sandbank/store/store";
import { type Api, type ApiOptions, createApi } from "../server.ts";
import { FakeNode } from "./fake-node.ts";
import { FakeVolumes } from "./fake-volumes.ts";
import { checkAgainstContract } from "./response-check.ts";

/** Loosely typed on purpose: tests read answers as clients do. */
export interface TestAnswer {
  status: number;
  headers: Headers;
  // Absent body is undefined.
  body: Record<string, unknown> & { [index: number]: Record<string, unknown>; length?: number };
}

export const manifestOf = (changes: Partial<BuildManifest> = {}): BuildManifest => ({
  buildId: newBuildId(),
  templateId: newTemplateId(),
  layers: ["base"],
  cpuCount: 2,
  memoryMib: 512,
  diskMib: 1024,
  defaultUser: "user",
  defaultWorkdir: "/home/user",
  envdVersion: "0.6.13",
  ...changes,
});

/** A whole control plane on a free port, with a fake node and a database of its own. */
export class TestApi {
  readonly node: FakeNode;
  readonly volumes: FakeVolumes;
  readonly manifest: BuildManifest;
  readonly directory: string;
  store: Store;
  api: Api;
  key: string;
  url = "";
  readonly #options: Partial<ApiOptions>;

  private constructor(parts: {
    node: FakeNode;
    volumes: FakeVolumes;
    manifest: BuildManifest;
    directory: string;
    store: Store;
    api: Api;
    key: string;
    options: Partial<ApiOptions>;
  }) {
    this.node = parts.node;
    this.volumes = parts.volumes;
    this.manifest = parts.manifest;
    this.directory = parts.directory;
    this.store = parts.store;
    this.api = parts.api;
    this.key = parts.key;
    this.#options = parts.options;
  }

  static async start(options: Partial<ApiOptions> = {}): Promise<TestApi> {
    const directory = await mkdtemp(join(tmpdir(), "sandbank-api-"));
    const store = await openStore({ path: join(directory, "test.db") });
    const node = new FakeNode();
    const volumes = new FakeVolumes();
    const api = await TestApi.#open(store, { node, volumes }, options);
    const key = (await api.ensureDefaultTeamAndKey()) ?? "";
    const manifest = manifestOf();
    await api.registerBuild(manifest, { names: ["base"] });
    const self = new TestApi({ node, volumes, manifest, directory, store, api, key, options });
    await self.#listen();
    return self;
  }

  static #open(
    store: Store,
    { node, volumes }: { node: FakeNode; volumes: FakeVolumes },
    options: Partial<ApiOptions>,
  ): Promise<Api> {
    const defaults = {
      tokenSeed: "seed",
      adminToken: "operator",
      secretsKey: "5a".repeat(32),
      domain: "localhost:49983",
      reconcileIntervalMs: 60_000,
    };
    return createApi({ store, node: node.client(), volumes: volumes.client(), ...defaults, ...options });
  }

  async #listen(): Promise<void> {
    const { port } = await this.api.listen({ host: "127.0.0.1", port: 0 });
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Ends the service and starts a new one on the same database file. `meanwhile` runs in between. */
  async restart(meanwhile: (store: Store) => Promise<void> | void = () => undefined): Promise<void> {
    await this.api.close();
    await this.store.close();
    this.store = await openStore({ path: join(this.directory, "test.db") });
    await meanwhile(this.store);
    this.api = await TestApi.#open(this.store, this, this.#options);
    await this.#listen();
  }

  async close(): Promise<void> {
    await this.api.close();
    await this.store.close();
    await rm(this.directory, { recursive: true });
  }

  /** Sends a request with the first key and checks that the answer is one the contract knows. */
  async call(method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<TestAnswer> {
    const response = await fetch(this.url + path, {
      method,
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      ...init,
      headers: {
        "x-api-key": this.key,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(init.headers as Record<string, string>),
      },
    });
    const text = await response.text();
    const parsed: unknown = text === "" ? undefined : JSON.parse(text);
    checkAgainstContract(method, path, response.status, parsed);
    return { status: response.status, headers: response.headers, body: parsed as TestAnswer["body"] };
  }

  /** Creates a sandbox and returns its id. */
  async create(body: Record<string, unknown> = {}): Promise<string> {
    const answer = await this.call("POST", "/v2/sandboxes", { templateID: "base", ...body });
    if (answer.status !== 201)
      throw new Error(`create answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return String(answer.body["sandboxID"]);
  }
}
