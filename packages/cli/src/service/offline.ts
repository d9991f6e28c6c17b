import { existsSync } from "node:fs";
import { createOrchestrator } from "@sandbank/orchestrator/orchestrator";
import { createDrivers, removeDriverState } from "@sandbank/runtime/drivers";
import type { Config } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { installedRunsc } from "../prepare/runsc.ts";
import { openLog } from "./logger.ts";
import { holdTag } from "./own-tag.ts";
import { cgroupParent, driversOptions, orchestratorOptions } from "./orchestrator-options.ts";

/** Takes back what a service left that can't do it any more: takes its sandboxes over and ends them. */
export async function tearDownOffline(config: Config): Promise<void> {
  const paths = pathsOf(config);
  // Never started on this machine: there is nothing to take back, and perhaps no program to do it with.
  if (!existsSync(paths.sandboxesDir)) return;
  const logger = openLog(paths.logFile, config.logLevel);
  const drivers = createDrivers(driversOptions(config, paths, installedRunsc(config), logger));
  const [driver] = drivers;
  if (!driver) return;
  const parts = { drivers, driver, logger, prepared: { envd: { dir: "/", initArgs: () => [] } } };
  const options = { ...orchestratorOptions(config, paths, parts), slotPoolSize: 0 };
  const heldTag = await holdTag(config.tag);
  try {
    const orchestrator = await createOrchestrator(options);
    await orchestrator.tearDown();
    await removeDriverState({ stateDir: paths.runtimeDir, cgroupParent: cgroupParent(config) });
  } finally {
    heldTag.release();
  }
}
