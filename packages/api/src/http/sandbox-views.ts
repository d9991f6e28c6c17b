import type { components } from "@sandbank/protocol/gen/openapi";
import { clientId } from "@sandbank/protocol/headers";
import type { JsonObject, SandboxRecord } from "@sandbank/store/sandbox-record";
import { type ControlPlane, hasPrivateTraffic } from "../control-plane.ts";
import { visibleStates } from "../use-cases/find-sandboxes.ts";

type Schemas = components["schemas"];

const isolations = ["microvm", "gvisor", "container"] as const satisfies Schemas["Isolation"][];

const rfc3339 = (ms: number): string => new Date(ms).toISOString();

/** Fields that all views of a sandbox share. */
function identity(record: SandboxRecord) {
  const isolation = isolations.find((known) => known === record.isolation);
  return {
    templateID: record.templateId,
    sandboxID: record.id,
    clientID: clientId,
    envdVersion: record.envdVersion,
    ...(record.alias === undefined ? {} : { alias: record.alias }),
    ...(isolation === undefined ? {} : { isolation }),
  };
}

const accessToken = (plane: ControlPlane, record: SandboxRecord) =>
  record.secure ? { envdAccessToken: plane.tokens.envd(record.id) } : {};

/** What create and connect answer. */
export function sandboxView(plane: ControlPlane, record: SandboxRecord): Schemas["Sandbox"] {
  return {
    ...identity(record),
    ...accessToken(plane, record),
    trafficAccessToken: hasPrivateTraffic(record) ? plane.tokens.traffic(record.id) : null,
    domain: plane.domain,
  };
}

export function listedView(record: SandboxRecord): Schemas["ListedSandbox"] {
  return {
    ...identity(record),
    startedAt: rfc3339(record.startedAtMs),
    endAt: rfc3339(record.endAtMs),
    cpuCount: record.cpuCount,
    memoryMB: record.memoryMib,
    diskSizeMB: record.diskMib,
    state: visibleStates.find((state) => state === record.state) ?? "running",
    metadata: record.metadata,
    volumeMounts: record.volumeMounts.map(({ name, path }) => ({ name, path })),
  };
}

const optional = (name: string, value: string | undefined): JsonObject =>
  value === undefined ? {} : { [name]: value };

/** What was asked for, without the proxy's password and authorities. */
function networkView(network: JsonObject): JsonObject {
  const said = Object.entries(network).filter(([, value]) => value !== null && value !== undefined);
  const { egressProxy, ...rest } = Object.fromEntries(said);
  if (!egressProxy) return rest;
  const { address, username, tls } = egressProxy as NonNullable<Schemas["EgressProxy"]>;
  const proxyTls = tls?.enabled ? { tls: { enabled: true, ...optional("serverName", tls.serverName) } } : {};
  return { ...rest, egressProxy: { address, ...optional("username", username), ...proxyTls } };
}

export function detailView(plane: ControlPlane, record: SandboxRecord): Schemas["SandboxDetail"] {
  return {
    ...listedView(record),
    ...accessToken(plane, record),
    domain: plane.domain,
    allowInternetAccess: record.allowInternetAccess ?? null,
    ...(record.network ? { network: networkView(record.network) } : {}),
    lifecycle: { autoResume: record.autoResume, onTimeout: record.autoPause ? "pause" : "kill" },
  };
}
