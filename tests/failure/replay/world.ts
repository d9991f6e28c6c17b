import { type Answer, ask, runInSandbox } from "./wire.ts";

/** A sandbox that was asked for, as its client knows it. */
export interface KnownSandbox {
  /** Of the operation that asked for it; also its metadata and a variable inside. */
  number: number;
  idempotencyKey: string | undefined;
  timeoutSec: number;
  id: string;
  token: string;
  /** `unknown`: the answer was lost. */
  state: "unknown" | "running" | "gone";
  killBegun: boolean;
  /** Ends by itself while the replay goes on. */
  isShort: boolean;
  /** What clients were promised. */
  endsAtLeastMs: number;
  /** An operation that moves its end is under way. */
  isMoving: boolean;
}

/** A key or a secret that was asked for. */
export interface KnownThing {
  id: string;
  /** Text of a key, name of a secret. */
  text: string;
  version: number;
  /** `unsure`: the answer to a change was lost. */
  state: "there" | "gone" | "unsure";
  isBusy: boolean;
}

export interface Environment {
  apiUrl: string;
  proxyUrl: string;
  apiKey: string;
}

/** What clients of one cloud have been told, and every answer that does not agree with it. */
export class World {
  readonly sandboxes: KnownSandbox[] = [];
  readonly keys: KnownThing[] = [];
  readonly secrets: KnownThing[] = [];
  readonly violations: string[] = [];
  readonly counts: Record<string, number> = {};
  /** Since the service was last started. */
  isServiceKilled = false;
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  call(
    method: string,
    path: string,
    options: { body?: unknown; headers?: Record<string, string>; apiKey?: string } = {},
  ): Promise<Answer | undefined> {
    const headers = {
      "x-api-key": options.apiKey ?? this.#environment.apiKey,
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    };
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    return ask(new URL(path, this.#environment.apiUrl), method, headers, body);
  }

  exec(sandbox: Pick<KnownSandbox, "id" | "token">, script: string): ReturnType<typeof runInSandbox> {
    return runInSandbox(this.#environment.proxyUrl, sandbox, script);
  }

  violation(text: string): void {
    this.violations.push(text);
  }

  count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }

  /** Running, and nobody has asked for its end. */
  get living(): KnownSandbox[] {
    return this.sandboxes.filter(
      ({ state, killBegun, isShort }) => state === "running" && !killBegun && !isShort,
    );
  }

  /** Ids of everything that the API lists as running, page by page; undefined when an answer was lost. */
  async listIds(query = ""): Promise<string[] | undefined> {
    const ids: string[] = [];
    let token: string | undefined = "";
    while (token !== undefined) {
      const answer: Answer | undefined = await this.call(
        "GET",
        `/v2/sandboxes?limit=5&state=running${query}${token && `&nextToken=${token}`}`,
      );
      if (!answer) return undefined;
      if (answer.status !== 200)
        throw new Error(`the list answered ${answer.status}: ${answer.bytes.toString()}`);
      const page = JSON.parse(answer.bytes.toString()) as { sandboxID: string }[];
      ids.push(...page.map(({ sandboxID }) => sandboxID));
      const next = answer.headers["x-next-token"];
      token = typeof next === "string" && next !== "" ? next : undefined;
    }
    return ids;
  }
}
