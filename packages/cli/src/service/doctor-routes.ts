import { Doctor } from "@sandbank/orchestrator/doctor";
import { Treatment } from "@sandbank/orchestrator/doctor/treatment";
import type { Orchestrator } from "@sandbank/orchestrator/orchestrator";
import type { RuntimeDriver } from "@sandbank/runtime/contract";
import type { Store } from "@sandbank/store/store";
import { envdAccessToken } from "@sandbank/protocol/tokens";
import { AppError } from "@sandbank/core/errors";
import type { Config } from "../config/env.ts";
import type { Paths } from "../config/paths.ts";
import { checkHost } from "../doctor/host-checks.ts";
import { doctorScope, storedSandboxes } from "../doctor/open-doctor.ts";
import type { DoctorReport } from "../doctor/report.ts";
import type { ServiceFacts } from "../doctor/service-state.ts";
import { watchClock } from "../doctor/uptime.ts";
import { version } from "../version.ts";
import type { AdminRoute } from "./admin-server.ts";
import type { Tls } from "./tls.ts";

export interface DoctorRoutesOptions {
  config: Config;
  paths: Paths;
  drivers: RuntimeDriver[];
  isolation: string;
  tokenSeed: string;
  store: Store;
  orchestrator: Orchestrator;
  tls?: Tls | undefined;
}

/** What this service knows, its own examination of everything, and repairs; see spec/admin.yml. */
export function doctorRoutes(options: DoctorRoutesOptions): AdminRoute[] {
  const { config, paths, drivers, isolation, tokenSeed, store, orchestrator, tls } = options;
  const clockJumpMs = watchClock();
  const doctor = new Doctor({
    ...doctorScope(config, paths, drivers),
    envdToken: (sandboxId) => envdAccessToken(tokenSeed, sandboxId),
    facts: async () => orchestrator.facts(),
    stored: () => storedSandboxes(store),
    servicePid: async () => process.pid,
  });
  const treatment = new Treatment({
    doctor,
    clear: (sandboxId) => orchestrator.clear(sandboxId),
    renewSlots: () => orchestrator.renewSlots(),
  });
  const facts = async (): Promise<ServiceFacts> => ({
    pid: process.pid,
    version,
    isolation,
    node: orchestrator.facts(),
    stored: await storedSandboxes(store),
    clockJumpMs: clockJumpMs(),
    ...(tls ? { tls: tls.status() } : {}),
    nowMs: Date.now(),
  });
  const report = async (sandboxId: string | undefined): Promise<DoctorReport> => {
    const service = { kind: "up", facts: await facts(), clockOffsetMs: 0 } as const;
    const host = await checkHost({ config, drivers, service, hasSandboxes: true });
    return { host, ...(await doctor.examine(sandboxId)) };
  };
  return [
    { method: "GET", path: "/v1/facts", run: async () => ({ status: 200, body: await facts() }) },
    {
      method: "GET",
      path: "/v1/doctor",
      run: async ({ query }) => ({ status: 200, body: await report(query.get("sandbox") ?? undefined) }),
    },
    {
      method: "POST",
      path: "/v1/doctor/fix",
      run: async ({ body }) => ({ status: 200, body: await treatment.fix(targetOf(body)) }),
    },
  ];
}

function targetOf(body: unknown): string | undefined {
  const target = (body as { target?: unknown } | undefined)?.target;
  if (target === undefined || typeof target === "string") return target;
  throw new AppError({ code: "invalid_argument", message: "target must be a text" });
}
