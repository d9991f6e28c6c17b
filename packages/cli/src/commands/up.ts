import { readdir } from "node:fs/promises";
import { AppError } from "@sandbank/core/errors";
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
import { type Service, startService } from "../service/service.ts";
import { downCommand, endService } from "./down.ts";

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
  // Nothing is started yet, so nothing is to be taken back.
  await preflight(config);
  const earlier = (await readdir(paths.sandboxesDir).catch(noneYet)).length;
  const interrupted = listenForInterrupt();
  const progress = new Progress();
  let service: Service | undefined;
  try {
    const prepared = await prepare(config, paths, progress);
    interrupted.throwIfAborted();
    if (!options.detach) service = await startForeground(config, progress, prepared);
    else await progress.step("service", () => startDetached(config));
    interrupted.throwIfAborted();
    const status = await client.status();
    if (!status) throw new Error("the service started, but its admin socket does not answer");
    const leftOut = await progress.step("self-check: echo test", () => checkOnce(status, config));
    if (leftOut) progress.say(leftOut);
    const { tls } = status;
    if (tls) tls.warnings.push(...(await progress.step("self-check: TLS", () => tlsCheck(tls, config))));
    interrupted.throwIfAborted();
    await announce(status, config, progress);
    if ((await service?.ended) === "down") {
      await downCommand({ quiet: true });
      process.stderr.write("sandbank is down\n");
    }
  } catch (error) {
    await takeBack(client, service, interrupted.aborted ? 0 : earlier);
    if (interrupted.aborted) {
      process.stderr.write("\ninterrupted: everything that was started is stopped again\n");
      process.exitCode = 130;
      return;
    }
    throw error;
  }
}

/** Undoes an `up` that failed. Sandboxes that were there before it are not its to end: then only the service stops. */
async function takeBack(client: AdminClient, service: Service | undefined, earlier: number): Promise<void> {
  await service?.end(earlier > 0 ? "stop" : "down");
  if (earlier === 0) {
    await downCommand({ quiet: true });
    return;
  }
  await endService(client, "stop");
  process.stderr.write(
    `sandboxes of an earlier run go on (${earlier}): ./sandbank up takes them over, ./sandbank down ends them\n`,
  );
}

function noneYet(error: NodeJS.ErrnoException): string[] {
  if (error.code !== "ENOENT") throw error;
  return [];
}

async function startForeground(
  config: Config,
  progress: Progress,
  prepared: Awaited<ReturnType<typeof prepare>>,
): Promise<Service> {
  const service = await progress.step("service", () => startService(config, prepared));
  service.handleSignals();
  return service;
}

/** Gives why it was left out, if it was: a team that has as many sandboxes as it may is no fault of the cloud. */
async function checkOnce(status: ServiceStatus, config: Config): Promise<string | undefined> {
  const apiKey = await readSecret(pathsOf(config).apiKeyFile);
  if (!apiKey) throw new Error("the API key's file is missing");
  try {
    await selfCheck({ apiUrl: status.apiUrl, proxyUrl: status.proxyUrl, apiKey });
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "resource_exhausted") throw error;
    return `self-check left out: ${error.message}`;
  }
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
