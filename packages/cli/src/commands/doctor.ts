import { AppError } from "@sandbank/core/errors";
import { isSandboxId } from "@sandbank/core/ids";
import { silentLogger } from "@sandbank/core/logger";
import type { Fix } from "@sandbank/orchestrator/doctor/report";
import { createDrivers } from "@sandbank/runtime/drivers";
import { readConfig } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { formatReport } from "../doctor/format.ts";
import { checkHost } from "../doctor/host-checks.ts";
import { openDoctor, type OutsideDoctor } from "../doctor/open-doctor.ts";
import { exitCode } from "../doctor/report.ts";
import { json } from "../output/table.ts";
import { installedRunsc } from "../prepare/runsc.ts";
import { AdminClient } from "../service/admin-client.ts";
import { driversOptions } from "../service/orchestrator-options.ts";

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
  const config = readConfig();
  const paths = pathsOf(config);
  const drivers = createDrivers(driversOptions(config, paths, installedRunsc(config), silentLogger));
  const outside = await openDoctor(config, paths, drivers);
  const sandboxId = target !== undefined && isSandboxId(target) ? target : undefined;
  if (target !== undefined && sandboxId === undefined && !options.fix) {
    throw new AppError({
      code: "invalid_argument",
      message: `${target} is no sandbox id; leaked resources go with --fix`,
    });
  }
  const fixes = options.fix ? await repair(outside, paths.adminSocket, target) : undefined;
  const { doctor, service } = outside;
  const hasSandboxes = (await doctor.entries()).length > 0;
  const host = await checkHost({ config, drivers, service, hasSandboxes });
  // A repair may be to take away what was left of it.
  const wasCleared =
    fixes?.some((fix) => fix.target === sandboxId && fix.ok) === true &&
    !(await doctor.entries()).some((entry) => entry.sandboxId === sandboxId);
  const node = wasCleared ? { sandboxes: [], orphans: [] } : await doctor.examine(sandboxId);
  const report = { host, ...node, ...(fixes ? { fixes } : {}) };
  process.stdout.write(
    options.json ? json(report) : formatReport(report, { single: sandboxId !== undefined }),
  );
  process.exitCode = exitCode(report);
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
