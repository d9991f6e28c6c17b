import type { RuntimeDriver } from "@sandbank/runtime/contract";
import { findProgram } from "@sandbank/linux/program";
import { worst, type Verdict } from "@sandbank/orchestrator/doctor/report";
import type { Config } from "../config/env.ts";
import { version } from "../version.ts";
import { type HostCheck, type RatedCheck, bad, poor, well } from "./check.ts";
import { checkCgroup, checkKernel, checkLimits, checkPackages } from "./kernel-checks.ts";
import { checkClocks, checkDisk } from "./machine-checks.ts";
import { checkHostNetwork, checkPorts, checkResolver } from "./network-checks.ts";
import { checkRuntimes } from "./runtime-checks.ts";
import type { ServiceState } from "./service-state.ts";
import { checkTls } from "./tls-checks.ts";

export interface HostReport {
  verdict: Verdict;
  checks: HostCheck[];
}

export interface HostChecksOptions {
  config: Config;
  drivers: RuntimeDriver[];
  service: ServiceState;
  /** There are sandboxes in the journal. */
  hasSandboxes: boolean;
}

/** Everything about the machine that all sandboxes share. */
export async function checkHost(options: HostChecksOptions): Promise<HostReport> {
  const { config, drivers, service, hasSandboxes } = options;
  const runtimes = await checkRuntimes(drivers, config.isolation);
  const network = canReadNetwork()
    ? [
        ...(await checkHostNetwork(config, hasSandboxes || service.kind !== "down")),
        ...(await checkPorts(config, service)),
      ]
    : [];
  const rated: RatedCheck[] = [
    checkService(service, config),
    checkKernel(runtimes.some(({ name, ok }) => ok && name.startsWith("runtime:"))),
    checkPackages(),
    checkCgroup(),
    ...runtimes,
    ...network,
    ...(await checkTls(config, service)),
    await checkResolver(config),
    checkClocks(service),
    checkDisk(config),
    checkLimits(),
  ];
  return {
    verdict: worst(rated.map(({ verdict }) => verdict)),
    checks: rated.map(({ name, ok, evidence, meaning, remedy }) => ({ name, ok, evidence, meaning, remedy })),
  };
}

/** Whether the programs are there that the kernel's network is read with. */
export const canReadNetwork = (): boolean =>
  ["ip", "nft", "ss", "nsenter"].every((name) => findProgram(name) !== undefined);

/** Also says what could not be asked, and what was looked at instead. */
function checkService(service: ServiceState, config: Config): RatedCheck {
  const unasked =
    "not asked: which sandboxes and slots it holds; the journal, the store's file and the kernel were read instead";
  if (service.kind === "down") {
    return bad("service", {
      evidence: `nobody listens on ${config.runDir}/admin.sock; ${unasked}`,
      meaning:
        "the cloud is not running: no API, no proxy; sandboxes that are left go on without being reachable",
      remedy: "sandbank up --detach",
    });
  }
  if (service.kind === "silent") {
    const who = service.pid === undefined ? "its process" : `pid ${service.pid}`;
    return bad("service", {
      evidence: `${config.runDir}/admin.sock: ${service.why}; ${unasked}, and its pool of slots is not judged`,
      meaning: "the service hangs: its process is stopped, or too busy to answer",
      remedy: `kill -CONT ${service.pid ?? "PID"} when it is stopped; otherwise end ${who} and run sandbank up --detach: sandboxes go on`,
    });
  }
  const { pid, version: running, isolation } = service.facts;
  const evidence = `pid ${pid}, version ${running}, isolation ${isolation}`;
  if (running === version) return well("service", evidence);
  return poor("service", {
    evidence: `${evidence}; this command is version ${version}`,
    meaning: "an older service runs than is installed",
    remedy: `end pid ${pid} and run sandbank up --detach: sandboxes go on`,
  });
}
