import { AppError } from "@sandbank/core/errors";
import type { components } from "@sandbank/protocol/gen/openapi";
import type { EgressPolicy } from "@sandbank/protocol/egress-policy";
import { readEgressPolicy } from "./egress-config.ts";
import { checkIngress, ingressOf } from "./ingress.ts";
import { notAvailableYet } from "./sandbox-errors.ts";
import type { WantedMount } from "./volume-mounts.ts";

export type NewSandboxBody = components["schemas"]["NewSandboxV2"];
type NetworkConfig = NonNullable<NewSandboxBody["network"]>;

/** What a create asks for, checked and free of the wire's alternatives. */
export interface NewSandbox {
  template: string;
  timeoutSec: number;
  secure: boolean;
  /** As asked for; undefined when the client said nothing. */
  allowInternetAccess: boolean | undefined;
  /** Every way of saying what it may reach taken together. */
  egress: EgressPolicy;
  network: NetworkConfig | undefined;
  metadata: Record<string, string>;
  envVars: Record<string, string>;
  volumeMounts: WantedMount[];
}

const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && (typeof value !== "object" || Object.keys(value).length > 0);

/** An option that would silently do nothing is refused: a rule that is not enforced is worse than none. */
function refuseUnavailable(body: NewSandboxBody): void {
  const asked: [string, boolean][] = [
    ["autoPause", body.autoPause === true],
    ["autoResume", body.autoResume?.enabled === true],
    ["iam.tokens", isSet(body.iam?.tokens)],
  ];
  for (const [field, unavailable] of asked) {
    if (unavailable) throw notAvailableYet(`The option ${field}`);
  }
}

/** Rejects with `unimplemented` for options that nothing enforces yet, and `invalid_argument` for contradictions. */
export function readNewSandbox(
  body: NewSandboxBody,
  defaults: { timeoutSec: number; secure: boolean },
): NewSandbox {
  refuseUnavailable(body);
  if (body.network?.allowPublicTraffic === false && !defaults.secure) {
    throw new AppError({
      code: "invalid_argument",
      message: "validation error: network.allowPublicTraffic can be false only for a secured sandbox",
    });
  }
  checkIngress(ingressOf(body.network));
  const allowInternetAccess = body.allow_internet_access ?? undefined;
  return {
    template: body.templateID,
    timeoutSec: body.timeout ?? defaults.timeoutSec,
    secure: defaults.secure,
    allowInternetAccess,
    egress: readEgressPolicy(body.network ?? {}, allowInternetAccess),
    network: body.network ?? undefined,
    metadata: body.metadata ?? {},
    envVars: body.envVars ?? {},
    volumeMounts: body.volumeMounts ?? [],
  };
}
