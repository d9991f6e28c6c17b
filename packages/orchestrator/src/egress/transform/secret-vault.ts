/** As node.proto carries it: values by lower-case name. */
export interface SecretValues {
  /** Names this state of the secrets; the vault only keeps it. */
  revision: string;
  values: Record<string, string>;
}

interface Held {
  revision: string;
  values: ReadonlyMap<string, string>;
}

/**
 * The values of the secrets that sandboxes' rules refer to. In memory only: after a restart the control plane hands them
 * over again, and until then whoever asks waits.
 */
export class SecretVault {
  readonly #bySandbox = new Map<string, Held>();
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Replaces all of a sandbox's values. */
  put(sandboxId: string, { revision, values }: SecretValues): void {
    this.#bySandbox.set(sandboxId, { revision, values: new Map(Object.entries(values)) });
    for (const wake of this.#waiting.get(sandboxId) ?? []) wake();
  }

  /** Forgets all of them: the sandbox has ended, or has no rule any more that needs one. */
  drop(sandboxId: string): void {
    this.#bySandbox.delete(sandboxId);
  }

  /** The revision of what was handed over last; empty when nothing was. */
  revisionOf(sandboxId: string): string {
    return this.#bySandbox.get(sandboxId)?.revision ?? "";
  }

  /** By lower-case name; undefined when nothing is handed over within `timeoutMs`. */
  async valuesFor(sandboxId: string, timeoutMs: number): Promise<ReadonlyMap<string, string> | undefined> {
    const held = this.#bySandbox.get(sandboxId);
    if (held) return held.values;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(sandboxId) ?? new Set();
    this.#waiting.set(sandboxId, waiting.add(resolve));
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
    waiting.delete(resolve);
    if (waiting.size === 0) this.#waiting.delete(sandboxId);
    return this.#bySandbox.get(sandboxId)?.values;
  }
}
