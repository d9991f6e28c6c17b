import { fileURLToPath } from "node:url";
import { poll } from "@sandbank/core/deadline";
import { AppError } from "@sandbank/core/errors";
import { spawnDetached } from "@sandbank/linux/detached";
import type { Config } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { AdminClient } from "./admin-client.ts";
import type { ServiceStatus } from "./admin-server.ts";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

/** Starts the service in a session of its own and returns when it answers. Rejects with the end of what it said. */
export async function startDetached(config: Config): Promise<ServiceStatus> {
  const paths = pathsOf(config);
  const options = config.tls?.kind === "local" ? ["--tls"] : [];
  const child = await spawnDetached(process.execPath, [...process.execArgv, main, "serve", ...options], {
    outputFile: `${paths.logFile}.out`,
  });
  const client = new AdminClient(paths.adminSocket);
  const status = await poll(
    async () => (await client.status()) ?? (child.isAlive() ? undefined : ("ended" as const)),
    { timeoutMs: 120_000, intervalMs: 20 },
  );
  if (status !== undefined && status !== "ended") return status;
  throw new AppError({
    code: "internal",
    message: `the service ${status === "ended" ? "ended" : "did not answer within 120 s"} while it started: ${(await child.output()).trim()}`,
  });
}
