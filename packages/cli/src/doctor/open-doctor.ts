import { existsSync } from "node:fs";
import { errorText } from "@sandbank/core/errors";
import { type Logger, silentLogger } from "@sandbank/core/logger";
import { Doctor, type DoctorOptions } from "@sandbank/orchestrator/doctor";
import type { StoredSandbox } from "@sandbank/orchestrator/doctor/beliefs";
import { clearOffline } from "@sandbank/orchestrator/doctor/clear-offline";
import { Treatment } from "@sandbank/orchestrator/doctor/treatment";
import { envdAccessToken } from "@sandbank/protocol/tokens";
import type { RuntimeDriver } from "@sandbank/runtime/contract";
import { openStore, type Store } from "@sandbank/store/store";
import type { Config } from "../config/env.ts";
import type { Paths } from "../config/paths.ts";
import { cgroupParent, orchestratorOptions } from "../service/orchestrator-options.ts";
import { readSecret } from "../service/secrets.ts";
import { serviceState, type ServiceState } from "./service-state.ts";
import { AdminClient } from "../service/admin-client.ts";

/** Where things are, for whoever examines; the rest is what can be asked. */
export function doctorScope(config: Config, paths: Paths, drivers: RuntimeDriver[]) {
  return {
    identity: { tag: config.tag, hostPrefix: config.hostPrefix },
    sandboxesDir: paths.sandboxesDir,
    runtimeDir: paths.runtimeDir,
    observeDir: paths.observeDir,
    cgroupParent: cgroupParent(config),
    drivers,
    proxy: {
      // A listener on all addresses is on this one too.
      host: config.bindAddress === "0.0.0.0" ? "127.0.0.1" : config.bindAddress,
      port: config.proxyPort,
      domain: config.domain,
    },
  } satisfies Partial<DoctorOptions>;
}

/** What the store has of sandboxes that are not over. */
export async function storedSandboxes(store: Store): Promise<StoredSandbox[]> {
  const records = await store.sandboxes.inStates(["creating", "running", "killing"]);
  return records.map(({ id, state, isolation }) => ({
    sandboxId: id,
    state,
    isolation: isolation ?? "unknown",
  }));
}

export interface OutsideDoctor {
  doctor: Doctor;
  treatment: Treatment;
  service: ServiceState;
}

/** A doctor in a process of its own, which asks the service what it believes, and does without when there is none. */
export async function openDoctor(
  config: Config,
  paths: Paths,
  drivers: RuntimeDriver[],
): Promise<OutsideDoctor> {
  const client = new AdminClient(paths.adminSocket);
  const service = await serviceState(client, paths.adminSocket);
  const seed = await readSecret(paths.seedFile);
  const ask = async (): Promise<ServiceState> =>
    service.kind === "up" ? serviceState(client, paths.adminSocket) : service;
  const doctor = new Doctor({
    ...doctorScope(config, paths, drivers),
    envdToken: (sandboxId) => (seed === undefined ? undefined : envdAccessToken(seed, sandboxId)),
    async facts() {
      const state = await ask();
      return state.kind === "up" ? state.facts.node : undefined;
    },
    async stored() {
      const state = await ask();
      return state.kind === "up" ? state.facts.stored : readStore(paths.database, silentLogger);
    },
    servicePid: async () =>
      service.kind === "up" ? service.facts.pid : service.kind === "silent" ? (service.pid ?? 0) : undefined,
  });
  const [driver] = drivers;
  const treatment = new Treatment({
    doctor,
    async clear(sandboxId) {
      if (!driver) return;
      const parts = {
        drivers,
        driver,
        logger: silentLogger,
        prepared: { envd: { dir: "/", initArgs: () => [] } },
      };
      await clearOffline(orchestratorOptions(config, paths, parts), sandboxId);
    },
  });
  return { doctor, treatment, service };
}

/** Undefined when there is no database, or none that this version can read. */
async function readStore(path: string, logger: Logger): Promise<StoredSandbox[] | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    const store = await openStore({ path, readonly: true });
    try {
      return await storedSandboxes(store);
    } finally {
      await store.close();
    }
  } catch (error) {
    logger.debug({ error: errorText(error) }, "the store can't be read");
    return undefined;
  }
}
