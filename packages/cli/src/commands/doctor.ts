import { existsSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "@sandbank/core/errors";
import { isSandboxId } from "@sandbank/core/ids";
import { silentLogger } from "@sandbank/core/logger";
import { removeIdleCgroup } from "@sandbank/linux/cgroup";
import { hasCode } from "@sandbank/linux/libc";
import type { Fix } from "@sandbank/orchestrator/doctor/report";
import { createDrivers } from "@sandbank/runtime/drivers";
import { type Config, readConfig } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { formatReport } from "../doctor/format.ts";
import { canReadNetwork, checkHost } from "../doctor/host-checks.ts";
import { openDoctor, type OutsideDoctor } from "../doctor/open-doctor.ts";
import { type DoctorReport, exitCode } from "../doctor/report.ts";
import { json } from "../output/table.ts";
import { installedRunsc } from "../prepare/runsc.ts";
import { AdminClient } from "../service/admin-client.ts";
import { cgroupParent, driversOptions } from "../service/orchestrator-options.ts";

export interface DoctorCommandOptions {
  fix?: boolean;
  json?: boolean;
}

/** Repairs and examines afterwards; many sandboxes may be looked at on the way. */
const fixTimeoutMs = 300_000;

/**
 * Examines the machine, every sandbox and what is left over; with a target only that sandbox, or with `--fix` that leaked
 * resource. The exit code is 0 healthy, 1 degraded, 2 broken. Works without a service, and says what it could not ask.
 */
export async function doctorCommand(
  target: string | undefined,
  options: DoctorCommandOptions,
): Promise<void> {
  // Until it is known better: an examination that can't be made is no good sign.
  process.exitCode = 2;
  if (process.getuid?.() !== 0) {
    throw new AppError({
      code: "failed_precondition",
      message: "this reads and repairs the kernel's state: run it as root",
    });
  }
  const isSandbox = target !== undefined && isSandboxId(target);
  if (target !== undefined && !isSandbox && !options.fix) {
    throw new AppError({
      code: "invalid_argument",
      message: `${target} is no sandbox id; leaked resources go with --fix`,
    });
  }
  const config = readConfig();
  // Drivers make their directories; where no cloud ever was, a look leaves none behind.
  const isNew = !existsSync(config.runDir);
  try {
    const report = await makeReport(config, {
      target,
      sandboxId: isSandbox ? target : undefined,
      fix: options.fix,
    });
    process.stdout.write(options.json ? json(report) : formatReport(report, { single: isSandbox }));
    process.exitCode = exitCode(report);
  } finally {
    if (isNew) {
      removeEmptyDirectories(config.runDir);
      removeIdleCgroup(cgroupParent(config));
    }
  }
}

/** Never what somebody has put something into: a cloud may have been started meanwhile. */
function removeEmptyDirectories(directory: string): void {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    for (const entry of entries) {
      if (entry.isDirectory()) removeEmptyDirectories(join(directory, entry.name));
    }
    rmdirSync(directory);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTEMPTY", "EBUSY")) throw error;
  }
}

interface Request {
  target: string | undefined;
  /** The target when it is one. */
  sandboxId: string | undefined;
  fix: boolean | undefined;
}

async function makeReport(config: Config, { target, sandboxId, fix }: Request): Promise<DoctorReport> {
  const paths = pathsOf(config);
  const drivers = createDrivers(driversOptions(config, paths, installedRunsc(config), silentLogger));
  const outside = await openDoctor(config, paths, drivers);
  const { doctor, service } = outside;
  const hasSandboxes = (await doctor.entries()).length > 0;
  if (!canReadNetwork()) {
    return { host: await checkHost({ config, drivers, service, hasSandboxes }), sandboxes: [], orphans: [] };
  }
  const fixes = fix ? await repair(outside, paths.adminSocket, target) : undefined;
  const host = await checkHost({ config, drivers, service, hasSandboxes });
  // A repair may be to take away what was left of it.
  const wasCleared =
    fixes?.some((each) => each.target === sandboxId && each.ok) === true &&
    !(await doctor.entries()).some((entry) => entry.sandboxId === sandboxId);
  const node = wasCleared ? { sandboxes: [], orphans: [] } : await doctor.examine(sandboxId);
  return { host, ...node, ...(fixes ? { fixes } : {}) };
}

/** By the service, which owns the sandboxes; by this process where there is none that answers. */
async function repair(
  { treatment, service }: OutsideDoctor,
  adminSocket: string,
  target: string | undefined,
): Promise<Fix[]> {
  if (service.kind !== "up") return treatment.fix(target);
  const client = new AdminClient(adminSocket);
  return (await client.call("POST", "/v1/doctor/fix", { target }, fixTimeoutMs)) as Fix[];
}
