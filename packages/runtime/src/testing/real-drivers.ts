import { basename, dirname } from "node:path";
import { silentLogger } from "@sandbank/core/logger";
import type { RuntimeDriver } from "../contract.ts";
import { createDrivers } from "../drivers.ts";
import { builtRunscPath } from "../install-runsc.ts";

const cacheDir = "/var/cache/sandbank";

/** Control group of a bench, by the name of its directory: benches at the same time do not meet. */
export const benchCgroup = (benchDirectory: string): string => `/sandbank-${basename(benchDirectory)}`;

/** One of the drivers that this machine has the programs for. */
export function realDriver(name: string, stateDir: string): RuntimeDriver {
  const runscPath = builtRunscPath(cacheDir);
  const driver = createDrivers({
    stateDir,
    cgroupParent: benchCgroup(dirname(stateDir)),
    cacheDir,
    runscPath,
    logger: silentLogger,
  }).find((each) => each.name === name);
  if (!driver) throw new Error(`the programs of driver ${name} are not installed`);
  return driver;
}
