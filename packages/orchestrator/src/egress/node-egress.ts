import type { EgressPolicy } from "@sandbank/protocol/egress-policy";
import type { Slot } from "../network/slot.ts";
import { kernelEgress } from "./kernel-egress.ts";

export interface NodeEgressOptions {
  /** Those that sandboxes are told of. */
  resolvers: string[];
}

/** Puts sandboxes' egress policies in force. */
export class NodeEgress {
  readonly #options: NodeEgressOptions;

  constructor(options: NodeEgressOptions) {
    this.#options = options;
  }

  /** When it resolves, the policy holds for every packet from then on. */
  async apply(slot: Slot, policy: EgressPolicy): Promise<void> {
    await slot.setEgress(kernelEgress(policy, this.#options.resolvers));
  }
}
