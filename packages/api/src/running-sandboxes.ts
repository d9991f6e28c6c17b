import type { SandboxDirectory, SandboxRoute } from "@sandbank/protocol/routing";
import { type SignedFileAccess, fileSignature } from "@sandbank/protocol/signature";
import { tokensEqual } from "@sandbank/protocol/tokens";

/** A running sandbox, as much of it as requests need without asking the store. */
export interface RunningSandbox {
  route: SandboxRoute;
  teamId: string;
  endAtMs: number;
  /** Absent when its daemon is open. */
  envdAccessToken: string | undefined;
}

type ChangeListener = (sandbox: RunningSandbox) => void;

/** The running sandboxes, kept in memory beside the store so that the edge and the evictor need no I/O. */
export class RunningSandboxes implements SandboxDirectory {
  readonly #byId = new Map<string, RunningSandbox>();
  readonly #goneListeners = new Set<(sandboxId: string) => void>();
  readonly #changeListeners = new Set<ChangeListener>();

  put(sandbox: RunningSandbox): void {
    this.#byId.set(sandbox.route.sandboxId, sandbox);
    for (const listener of this.#changeListeners) listener(sandbox);
  }

  get(sandboxId: string): RunningSandbox | undefined {
    return this.#byId.get(sandboxId);
  }

  /** No effect on a sandbox that is not there. */
  setEnd(sandboxId: string, endAtMs: number): void {
    const sandbox = this.#byId.get(sandboxId);
    if (sandbox) this.put({ ...sandbox, endAtMs });
  }

  remove(sandboxId: string): void {
    if (!this.#byId.delete(sandboxId)) return;
    for (const listener of this.#goneListeners) listener(sandboxId);
  }

  list(): RunningSandbox[] {
    return [...this.#byId.values()];
  }

  lookup(sandboxId: string): SandboxRoute | undefined {
    return this.#byId.get(sandboxId)?.route;
  }

  findBySignature(access: SignedFileAccess, signature: string): string | undefined {
    for (const { route, envdAccessToken } of this.#byId.values()) {
      if (envdAccessToken === undefined) continue;
      if (tokensEqual(fileSignature(access, envdAccessToken), signature)) return route.sandboxId;
    }
    return undefined;
  }

  onGone(listener: (sandboxId: string) => void): () => void {
    this.#goneListeners.add(listener);
    return () => this.#goneListeners.delete(listener);
  }

  /** Calls `listener` for each sandbox that is added or gets another end. */
  onChange(listener: ChangeListener): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }
}
