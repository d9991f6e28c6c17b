import type { Agent } from "node:http";
import { TlsUpstreamAgent, UpstreamAgent } from "./upstream-agent.ts";

/**
 * How connections to a port are used again. `envd`: ours, keeps idle connections for minutes. `kept`: a user's service,
 * which may close an idle connection at any moment; only for requests that can be sent again. `fresh`: one connection per
 * request, for a user's service and requests that must not be sent twice.
 */
export type AgentUse = "envd" | "kept" | "fresh";

const agentOptions = {
  envd: { maxIdle: 32, idleMs: 60_000 },
  kept: { maxIdle: 32, idleMs: 4_000 },
  // Still announced as kept: a service that is told to close does so with the body unread, and its answer is lost.
  fresh: { maxIdle: 0, idleMs: 0 },
} as const;

/** The kept connections of all sandboxes. */
export class UpstreamAgents {
  readonly #bySandbox = new Map<string, Map<string, Agent>>();

  for(sandboxId: string, use: AgentUse, tls: boolean): Agent {
    let agents = this.#bySandbox.get(sandboxId);
    if (!agents) this.#bySandbox.set(sandboxId, (agents = new Map()));
    const key = tls ? `${use} tls` : use;
    let agent = agents.get(key);
    if (!agent) {
      agent = tls ? new TlsUpstreamAgent(agentOptions[use]) : new UpstreamAgent(agentOptions[use]);
      agents.set(key, agent);
    }
    return agent;
  }

  /** Closes all connections to the sandbox, used and idle. */
  drop(sandboxId: string): void {
    for (const agent of this.#bySandbox.get(sandboxId)?.values() ?? []) agent.destroy();
    this.#bySandbox.delete(sandboxId);
  }

  dropAll(): void {
    for (const sandboxId of this.#bySandbox.keys()) this.drop(sandboxId);
  }
}
