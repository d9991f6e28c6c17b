import { readConfig } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { Progress } from "../output/progress.ts";
import { prepare } from "../prepare/prepare.ts";
import { preflight } from "../prepare/preflight.ts";
import { startService } from "../service/service.ts";

/** The service itself, for `up --detach` and for service managers: no self-check, no environment, logs to the log file. */
export async function serveCommand(options: { tls?: boolean }): Promise<void> {
  const config = readConfig(undefined, options);
  await preflight(config);
  const service = await startService(config, await prepare(config, pathsOf(config), new Progress()));
  service.handleSignals();
  await service.ended;
}
