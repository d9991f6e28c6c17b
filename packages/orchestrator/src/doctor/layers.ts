import type { ErrorReason } from "@sandbank/core/errors";
import { envdPort } from "@sandbank/protocol/headers";
import type { LayerName } from "./report.ts";

interface Layer {
  /** `error_code` of a create that fails here; undefined where a create does not go. */
  reason: ErrorReason | undefined;
  /** What it means when the layer is not up, for people. */
  meaning: string;
  remedy: (sandboxId: string) => string;
}

const fix = (what: string) => (sandboxId: string) => `sandbank doctor ${sandboxId} --fix ${what}`;

/** One vocabulary for creates that fail, sandboxes that stop answering, and `sandbank doctor`. */
export const layers: Record<LayerName, Layer> = {
  device: {
    reason: "sandbox_device_missing",
    meaning: "a network device of the sandbox does not exist: something else on this machine removed it",
    remedy: fix("makes it again with its addresses, routes and rules"),
  },
  link: {
    reason: "sandbox_link_down",
    meaning: "a network device of the sandbox is down: something took it down, because Sandbank never does",
    remedy: fix("sets it up, with the addresses and routes that went with it"),
  },
  carrier: {
    reason: "sandbox_carrier_missing",
    meaning: "a network device of the sandbox has nobody at its other end",
    remedy: fix("makes the pair of devices again"),
  },
  address: {
    reason: "sandbox_address_unreachable",
    meaning: "nothing answers at the sandbox's address, or a device lacks its own",
    remedy: fix("gives the devices their addresses again"),
  },
  route: {
    reason: "sandbox_route_missing",
    meaning: "packets to or from the sandbox get lost: a route, a neighbour entry or a rule is missing",
    remedy: fix("puts routes and rules back"),
  },
  port: {
    reason: "sandbox_port_closed",
    meaning: `the sandbox's address answers, but nothing listens on envd's port ${envdPort}`,
    remedy: (sandboxId) =>
      `sandbank logs ${sandboxId} --console may say why; end the sandbox and create another`,
  },
  envd: {
    reason: "sandbox_envd_unhealthy",
    meaning: "envd, the daemon in the sandbox, does not answer as it should",
    remedy: fix("lets it go on when it was stopped; otherwise end the sandbox and create another"),
  },
  command: {
    reason: undefined,
    meaning: "envd answers, but a command in the sandbox does not run as it should",
    remedy: (sandboxId) =>
      `sandbank logs ${sandboxId} shows what it said; free what it lacks, or create another`,
  },
  proxy: {
    reason: undefined,
    meaning: "the sandbox works, but the sandbox proxy does not carry requests to it",
    remedy: () =>
      "the check of the proxy's port, above, says who listens there; restart with sandbank up --detach",
  },
};
