import { statSync } from "node:fs";
import type { Socket } from "node:net";
import type { Api } from "@sandbank/api/server";
import { AppError, errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { peerUserOf } from "@sandbank/linux/socket-owner";
import type { OpenDebugSandbox } from "@sandbank/proxy/server";
import type { Config } from "../config/env.ts";
import { type Paths, repositoryDir } from "../config/paths.ts";
import { readSecret } from "./secrets.ts";
import { callLocalApi, type LocalApi } from "./local-api.ts";

/** How long it lives after the last request for it. */
const idleSec = 3600;
/** Between two prolongations. */
const prolongEveryMs = 60_000;

interface DebugSandboxOptions {
  api(): Promise<LocalApi>;
  isRunning(sandboxId: string): boolean;
  /** Users whose programs may use it. */
  users: ReadonlySet<number>;
  logger: Logger;
}

interface ListedSandbox {
  sandboxID: string;
}

/**
 * The one sandbox that clients in debug mode share. They ask for none and have no key, so it is made when the first of
 * them comes, belongs to the default team, and ends when none has come for an hour.
 */
class DebugSandbox {
  readonly #options: DebugSandboxOptions;
  readonly #known = new WeakSet<Socket>();
  #current: string | undefined;
  #prolongedAtMs = 0;
  #opening: Promise<string> | undefined;

  constructor(options: DebugSandboxOptions) {
    this.#options = options;
  }

  /** Its id, for a client of one of the users. Rejects with `permission_denied` for others. */
  async open(client: Socket): Promise<string> {
    this.#admit(client);
    const current = this.#current;
    if (current !== undefined && this.#options.isRunning(current)) {
      this.#prolong(current);
      return current;
    }
    this.#opening ??= this.#findOrCreate().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  #admit(client: Socket): void {
    if (this.#known.has(client)) return;
    const user = peerUserOf(client);
    if (user === undefined || !this.#options.users.has(user)) {
      const message =
        "The sandbox of clients in debug mode (E2B_DEBUG) is for root and for the user who owns this installation; " +
        "others use an API key";
      throw new AppError({ code: "permission_denied", message });
    }
    this.#known.add(client);
  }

  async #findOrCreate(): Promise<string> {
    const api = await this.#options.api();
    // An earlier process may have left it running.
    const listed = (await callLocalApi(
      api,
      "GET",
      "/sandboxes?metadata=sandbank%3Ddebug",
    )) as ListedSandbox[];
    const found = listed.find(({ sandboxID }) => this.#options.isRunning(sandboxID));
    const id = found?.sandboxID ?? (await this.#create(api));
    this.#current = id;
    this.#prolong(id);
    return id;
  }

  async #create(api: LocalApi): Promise<string> {
    // Its clients have no token, so its daemon wants none; the newer way to create knows no such sandbox.
    const wanted = { templateID: "base", timeout: idleSec, secure: false, metadata: { sandbank: "debug" } };
    const { sandboxID } = (await callLocalApi(api, "POST", "/sandboxes", wanted)) as ListedSandbox;
    this.#options.logger.info({ sandboxId: sandboxID }, "sandbox for clients in debug mode");
    return sandboxID;
  }

  #prolong(sandboxId: string): void {
    const nowMs = Date.now();
    if (nowMs - this.#prolongedAtMs < prolongEveryMs) return;
    this.#prolongedAtMs = nowMs;
    this.#options
      .api()
      .then((api) => callLocalApi(api, "POST", `/sandboxes/${sandboxId}/timeout`, { timeout: idleSec }))
      .catch((error: unknown) => {
        this.#options.logger.warn({ sandboxId, error: errorText(error) }, "debug sandbox not prolonged");
      });
  }
}

/** For clients in debug mode that root runs, whoever ran sudo for this, or the owner of the clone. */
export function openDebugSandbox(
  config: Config,
  paths: Paths,
  api: Pick<Api, "directory">,
  logger: Logger,
): OpenDebugSandbox | undefined {
  if (!config.debugSandbox) return undefined;
  const users = new Set([0, statSync(repositoryDir).uid, config.invokingUser ?? 0]);
  const sandbox = new DebugSandbox({
    api: async () => ({
      apiUrl: `http://${config.bindAddress}:${config.apiPort}`,
      apiKey: (await readSecret(paths.apiKeyFile)) ?? "",
    }),
    isRunning: (sandboxId) => api.directory.lookup(sandboxId) !== undefined,
    users,
    logger,
  });
  return (client) => sandbox.open(client);
}
