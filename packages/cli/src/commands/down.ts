import { rm } from "node:fs/promises";
import { poll } from "@sandbank/core/deadline";
import { AppError } from "@sandbank/core/errors";
import { identifyProcess } from "@sandbank/linux/process";
import { type Config, readConfig } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { AdminClient } from "../service/admin-client.ts";
import { findLeftovers } from "../service/leftovers.ts";
import { tearDownOffline } from "../service/offline.ts";

/** How long a service may take to end its sandboxes and itself (ms). */
const downTimeoutMs = 120_000;

/** Ends the service and every sandbox, and looks that nothing is left. Also after the service was killed. */
export async function downCommand(options: { quiet?: boolean } = {}): Promise<void> {
  const config = readConfig();
  const client = new AdminClient(pathsOf(config).adminSocket);
  const wasRunning = await endService(client, "down");
  // Whatever the service could not do itself, or a killed one left behind.
  await tearDownOffline(config);
  await rm(config.runDir, { recursive: true, force: true });
  await assertNothingLeft(config);
  if (!options.quiet)
    process.stderr.write(wasRunning ? "sandbank is down\n" : "sandbank was not running; nothing is left\n");
}

/** Ends the service, if one runs in another process, and returns when it has ended. Gives whether one answered. */
export async function endService(client: AdminClient, mode: "down" | "stop"): Promise<boolean> {
  const status = await client.status();
  if (!status || status.pid === process.pid) return status !== undefined;
  await client.shutdown(mode);
  const ended = await poll(() => (identifyProcess(status.pid) ? undefined : true), {
    timeoutMs: downTimeoutMs,
    intervalMs: 20,
  });
  if (ended) return true;
  throw new AppError({
    code: "deadline_exceeded",
    message: `the service (pid ${status.pid}) did not end within ${downTimeoutMs / 1000} s`,
  });
}

async function assertNothingLeft(config: Config): Promise<void> {
  const left = await findLeftovers(config);
  if (left.length > 0) {
    throw new AppError({
      code: "internal",
      message: `still there after the cloud went down: ${left.join(", ")}`,
    });
  }
}
