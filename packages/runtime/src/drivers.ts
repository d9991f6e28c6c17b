import { rmSync } from "node:fs";
import { AppError } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { removeCgroup } from "@sandbank/linux/cgroup";
import { mountPointsUnder, unmount } from "@sandbank/linux/mount";
import { findProgram } from "@sandbank/linux/program";
import type { Isolation, RuntimeDriver } from "./contract.ts";
import { containerDriver } from "./drivers/container.ts";
import { gvisorDriver } from "./drivers/gvisor.ts";

export interface DriversOptions {
  /** Owned by the drivers, on a file system that a reboot empties, e.g. `/run/sandbank/runtime`. */
  stateDir: string;
  /** For what is worth keeping; best on the file system that holds the sandboxes' `workDir`s. */
  cacheDir: string;
  /** Control group that all sandboxes of this cloud are below, e.g. `/sandbank-sb`; `/sandbank` unless told. */
  cgroupParent?: string | undefined;
  /** Absolute path of runsc; without it there is no `gvisor` driver. */
  runscPath?: string | undefined;
  logger: Logger;
}

/** The drivers whose programs are installed, strongest isolation first. None of them is proven yet. */
export function createDrivers(options: DriversOptions): RuntimeDriver[] {
  const conmonPath = findProgram("conmon");
  if (conmonPath === undefined) return [];
  const { stateDir, cacheDir, logger, cgroupParent = "/sandbank" } = options;
  const shared = { stateDir, cacheDir, logger, conmonPath, cgroupParent };
  const drivers: RuntimeDriver[] = [];
  if (options.runscPath !== undefined) drivers.push(gvisorDriver(options.runscPath, shared));
  const runtimes = ["runc", "crun"].map(findProgram).filter((path) => path !== undefined);
  if (runtimes.length > 0) drivers.push(containerDriver(runtimes, shared));
  return drivers;
}

/**
 * Takes back what drivers keep beside their sandboxes: mounts and files of `stateDir`, the control group. Only for when
 * no sandbox is left; one that is left is killed.
 */
export async function removeDriverState(options: { stateDir: string; cgroupParent: string }): Promise<void> {
  for (const path of mountPointsUnder(options.stateDir)) unmount(path);
  rmSync(options.stateDir, { recursive: true, force: true });
  await removeCgroup(options.cgroupParent, 10_000);
}

export interface DriverChoice {
  driver: RuntimeDriver;
  tried: { name: string; result: string }[];
}

/**
 * The first driver, in the given order, that is wanted and boots a sandbox. `auto` wants all of them.
 * Rejects with AppError `runtime_unavailable` that lists what was tried and what came of it.
 */
export async function chooseDriver(
  drivers: RuntimeDriver[],
  wanted: "auto" | Isolation | (string & {}),
): Promise<DriverChoice> {
  const tried: DriverChoice["tried"] = [];
  for (const driver of drivers) {
    if (wanted !== "auto" && wanted !== driver.isolation && wanted !== driver.name) continue;
    const { usable, evidence } = await driver.probe();
    tried.push({ name: driver.name, result: evidence });
    if (usable) return { driver, tried };
  }
  const list = tried.map(({ name, result }) => `${name}: ${result}`).join("; ");
  const nothing = drivers.length === 0 ? "no runtime is installed" : `no driver is called "${wanted}"`;
  throw new AppError({
    code: "failed_precondition",
    reason: "runtime_unavailable",
    message: `no way to isolate sandboxes works on this machine (${list || nothing})`,
  });
}
