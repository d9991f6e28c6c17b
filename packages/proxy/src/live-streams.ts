/** Bytes on the connections between the edge and a sandbox, heads of messages included. */
export interface Traffic {
  toSandbox: number;
  fromSandbox: number;
}

/** What one sandbox has exchanged with clients since the edge's start. */
export interface SandboxTraffic extends Traffic {
  sandboxId: string;
  /** Requests and tunnels that are under way. */
  open: number;
}

/** Something that carries a sandbox's traffic and can be cut. */
export interface LiveStream {
  readonly sandboxId: string;
  /** So far. */
  traffic(): Traffic;
  /** `gone`: the sandbox is no more. `shutdown`: the edge is. Must not throw. */
  cut(reason: "gone" | "shutdown"): void;
}

/** All traffic that is under way, by sandbox, and how much of it there has been. */
export class LiveStreams {
  readonly #bySandbox = new Map<string, Set<LiveStream>>();
  /** Of streams that have ended, until their sandbox does. */
  readonly #ended = new Map<string, Traffic>();

  add(stream: LiveStream): void {
    const streams = this.#bySandbox.get(stream.sandboxId);
    if (streams) streams.add(stream);
    else this.#bySandbox.set(stream.sandboxId, new Set([stream]));
  }

  delete(stream: LiveStream): void {
    const { sandboxId } = stream;
    const streams = this.#bySandbox.get(sandboxId);
    if (!streams?.delete(stream)) return;
    if (streams.size === 0) this.#bySandbox.delete(sandboxId);
    const total = this.#ended.get(sandboxId);
    if (total) addTo(total, stream.traffic());
    else this.#ended.set(sandboxId, stream.traffic());
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

  /** Of every sandbox that has had traffic and still is there. */
  traffic(): SandboxTraffic[] {
    const sandboxIds = new Set([...this.#ended.keys(), ...this.#bySandbox.keys()]);
    return [...sandboxIds].map((sandboxId) => {
      const streams = this.#bySandbox.get(sandboxId);
      const total = { toSandbox: 0, fromSandbox: 0, ...this.#ended.get(sandboxId) };
      for (const stream of streams ?? []) addTo(total, stream.traffic());
      return { sandboxId, ...total, open: streams?.size ?? 0 };
    });
  }

  cutSandbox(sandboxId: string): void {
    const streams = this.#bySandbox.get(sandboxId);
    this.#bySandbox.delete(sandboxId);
    this.#ended.delete(sandboxId);
    for (const stream of streams ?? []) stream.cut("gone");
  }

  cutAll(): void {
    for (const streams of this.#bySandbox.values()) {
      for (const stream of streams) stream.cut("shutdown");
    }
    this.#bySandbox.clear();
  }
}

function addTo(total: Traffic, more: Traffic): void {
  total.toSandbox += more.toSandbox;
  total.fromSandbox += more.fromSandbox;
}
