import { hostname } from "node:os";
import type { Logger } from "@sandbank/core/logger";
import type { OrchestratorOptions } from "@sandbank/orchestrator/orchestrator";
import type { RuntimeDriver } from "@sandbank/runtime/contract";
import type { DriversOptions } from "@sandbank/runtime/drivers";
import type { Config } from "../config/env.ts";
import type { Paths } from "../config/paths.ts";
import { version } from "../version.ts";

export interface NodeParts {
  prepared: { envd: OrchestratorOptions["envd"] };
  drivers: RuntimeDriver[];
  driver: RuntimeDriver;
  logger: Logger;
  onCreate?: OrchestratorOptions["onCreate"];
}

const mib = 1024 * 1024;

/** Control group of all sandboxes of one cloud. */
export const cgroupParent = (config: Config): string => `/sandbank-${config.tag}`;

export const driversOptions = (
  config: Config,
  paths: Paths,
  runscPath: string | undefined,
  logger: Logger,
): DriversOptions => ({
  stateDir: paths.runtimeDir,
  cacheDir: config.cacheDir,
  cgroupParent: cgroupParent(config),
  runscPath,
  logger,
});

/** This machine's node, as its settings say. */
export function orchestratorOptions(config: Config, paths: Paths, parts: NodeParts): OrchestratorOptions {
  return {
    nodeId: hostname(),
    version,
    driver: parts.driver,
    drivers: parts.drivers,
    identity: { tag: config.tag, hostPrefix: config.hostPrefix },
    paths: {
      sandboxesDir: paths.sandboxesDir,
      egressAuthorityFile: paths.egressAuthorityFile,
      volumesDir: paths.volumesDir,
      buildsDir: paths.buildsDir,
      layersDir: paths.layersDir,
    },
    observe: {
      dir: paths.observeDir,
      maxLogBytes: config.sandboxLogMib * mib,
      maxTotalBytes: config.keptLogsMib * mib,
      retentionMs: config.keptLogsHours * 3_600_000,
    },
    envd: parts.prepared.envd,
    slotPoolSize: config.slotPoolSize,
    maxConcurrentStarts: config.maxConcurrentStarts,
    pidsLimit: config.pidsLimit,
    logger: parts.logger,
    onCreate: parts.onCreate,
  };
}
