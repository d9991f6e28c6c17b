import { interruptCommands } from "@sandbank/linux/command";
import { type Config, describeConfig, readConfig } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { checkResolver } from "../doctor/network-checks.ts";
import { exportLines } from "../output/environment.ts";
import { tlsHelp } from "../output/tls-help.ts";
import { Progress } from "../output/progress.ts";
import { prepare } from "../prepare/prepare.ts";
import { preflight } from "../prepare/preflight.ts";
import { AdminClient } from "../service/admin-client.ts";
import type { ServiceStatus } from "../service/admin-server.ts";
import { startDetached } from "../service/detached.ts";
import { readSecret } from "../service/secrets.ts";
import { selfCheck } from "../service/self-check.ts";
import { tlsCheck } from "../service/tls-check.ts";
import { startService } from "../service/service.ts";
import { downCommand } from "./down.ts";

export interface UpOptions {
  detach?: boolean;
  tls?: boolean;
  printConfig?: boolean;
}

/** From a bare machine to a cloud that has just run a command in a sandbox. Idempotent. */
export async function upCommand(options: UpOptions): Promise<void> {
  if (options.printConfig) {
    process.stdout.write(describeConfig());
    return;
  }
  const config = readConfig(undefined, options);
  const paths = pathsOf(config);
  const client = new AdminClient(paths.adminSocket);
  const running = await client.status();
  if (running) {
    process.stderr.write(`sandbank is running already (pid ${running.pid}, ${running.isolation})\n`);
    if (config.tls && !running.tls) {
      process.stderr.write("it speaks no TLS: end it with ./sandbank down and start it anew with --tls\n");
    }
    await announce(running, config, undefined);
    return;
  }
  const interrupted = listenForInterrupt();
  const progress = new Progress();
  try {
    await preflight(config);
    const prepared = await prepare(config, paths, progress);
    interrupted.throwIfAborted();
    const service = options.detach ? undefined : await startForeground(config, progress, prepared);
    if (options.detach) await progress.step("service", () => startDetached(config));
    interrupted.throwIfAborted();
    const status = await client.status();
    if (!status) throw new Error("the service started, but its admin socket does not answer");
    await progress.step("self-check: echo test", () => checkOnce(status, config));
    const { tls } = status;
    if (tls) tls.warnings.push(...(await progress.step("self-check: TLS", () => tlsCheck(tls, config))));
    interrupted.throwIfAborted();
    await announce(status, config, progress);
    if ((await service?.ended) === "down") {
      await downCommand({ quiet: true });
      process.stderr.write("sandbank is down\n");
    }
  } catch (error) {
    await downCommand({ quiet: true });
    if (interrupted.aborted) {
      process.stderr.write("\ninterrupted: everything that was started is stopped again\n");
      process.exitCode = 130;
      return;
    }
    throw error;
  }
}

async function startForeground(
  config: Config,
  progress: Progress,
  prepared: Awaited<ReturnType<typeof prepare>>,
) {
  const service = await progress.step("service", () => startService(config, prepared));
  service.handleSignals();
  return service;
}

async function checkOnce(status: ServiceStatus, config: Config): Promise<void> {
  const apiKey = await readSecret(pathsOf(config).apiKeyFile);
  if (!apiKey) throw new Error("the API key's file is missing");
  await selfCheck({ apiUrl: status.apiUrl, proxyUrl: status.proxyUrl, apiKey });
}

/** The environment goes to standard output, everything for people to standard error. */
async function announce(
  status: ServiceStatus,
  config: Config,
  progress: Progress | undefined,
): Promise<void> {
  const apiKey = (await readSecret(pathsOf(config).apiKeyFile)) ?? "";
  if (progress) {
    const total = progress.times.reduce((sum, { seconds }) => sum + seconds, 0);
    process.stderr.write(
      `\nSandbank is up after ${total.toFixed(1)} s: isolation ${status.isolation} (${status.driver}), API ${status.apiUrl}, sandboxes ${status.proxyUrl}\n`,
    );
    process.stderr.write('For this shell: eval "$(./sandbank env)"\n\n');
  }
  if (status.tls) {
    process.stderr.write(tlsHelp(status.tls, status.domain, await checkResolver(config)));
  }
  process.stdout.write(exportLines(status, apiKey));
}

/** The first Ctrl-C ends the step under way and takes everything back; the second ends at once. */
function listenForInterrupt(): AbortSignal {
  const controller = new AbortController();
  process.on("SIGINT", () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Error("interrupted"));
    interruptCommands();
  });
  return controller.signal;
}
