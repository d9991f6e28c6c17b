/** Something that carries a sandbox's traffic and can be cut. */
export interface LiveStream {
  readonly sandboxId: string;
  /** `gone`: the sandbox is no more. `shutdown`: the edge is. Must not throw. */
  cut(reason: "gone" | "shutdown"): void;
}

/** All traffic that is under way, by sandbox. */
export class LiveStreams {
  readonly #bySandbox = new Map<string, Set<LiveStream>>();

  add(stream: LiveStream): void {
    const streams = this.#bySandbox.get(stream.sandboxId);
    if (streams) streams.add(stream);
    else this.#bySandbox.set(stream.sandboxId, new Set([stream]));
  }

  delete(stream: LiveStream): void {
    const streams = this.#bySandbox.get(stream.sandboxId);
    if (streams?.delete(stream) && streams.size === 0) this.#bySandbox.delete(stream.sandboxId);
  }

  count(sandboxId: string): number {
    return this.#bySandbox.get(sandboxId)?.size ?? 0;
  }

  /** How many streams there are in all. */
  get size(): number {
    let total = 0;
    for (const streams of this.#bySandbox.values()) total += streams.size;
    return total;
  }

  cutSandbox(sandboxId: string): void {
    const streams = this.#bySandbox.get(sandboxId);
    if (!streams) return;
    this.#bySandbox.delete(sandboxId);
    for (const stream of streams) stream.cut("gone");
  }

  cutAll(): void {
    for (const streams of this.#bySandbox.values()) {
      for (const stream of streams) stream.cut("shutdown");
    }
    this.#bySandbox.clear();
  }
}
