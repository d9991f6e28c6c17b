import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { AppError } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { run, systemPath } from "@sandbank/linux/command";
import { findProgram } from "@sandbank/linux/program";
import { createDrivers } from "./drivers.ts";
import { usableGo } from "./go-toolchain.ts";

/** The newest state of gVisor's branch that is kept buildable with the go tool; its releases are not. */
const runscVersion = "v0.0.0-20260905035102-160fafc42237";
const runscPackage = `gvisor.dev/gvisor/runsc@${runscVersion}`;

/** 3 minutes on an idle machine with two processors. */
const buildTimeoutMs = 30 * 60_000;

export interface InstallRunscOptions {
  /** Where a built runsc is kept, e.g. `/var/cache/sandbank`. */
  cacheDir: string;
  stateDir: string;
  logger: Logger;
  /** What the Go command may see of the caller's environment: proxies, certificates. */
  toolEnv: Record<string, string>;
  /** Called with a line for people when something takes long. */
  onProgress: (line: string) => void;
}

/** Where a built runsc is, or will be. */
export const builtRunscPath = (cacheDir: string): string => `${cacheDir}/runsc/${runscVersion}/runsc`;

/**
 * Path of a runsc that works here: one built before, else the one in PATH when it boots a sandbox (those of Debian 12 and
 * older are too old), else one built now from the Go module proxy. Rejects with AppError `runtime_unavailable`.
 */
export async function installRunsc(options: InstallRunscOptions): Promise<string> {
  const built = builtRunscPath(options.cacheDir);
  if (existsSync(built)) return built;
  const installed = findProgram("runsc");
  if (installed !== undefined && (await boots(installed, options))) return installed;
  await build(built, options);
  return built;
}

async function boots(runscPath: string, options: InstallRunscOptions): Promise<boolean> {
  const { stateDir, cacheDir, logger } = options;
  const drivers = createDrivers({ stateDir, cacheDir, logger, runscPath });
  const probe = await drivers.find((driver) => driver.name === "gvisor")?.probe();
  if (probe && !probe.usable)
    options.onProgress(`the installed gVisor does not work here: ${probe.evidence}`);
  return probe?.usable ?? false;
}

async function build(target: string, options: InstallRunscOptions): Promise<void> {
  const { cacheDir, onProgress } = options;
  const go = findProgram("go") ?? (existsSync("/usr/local/go/bin/go") ? "/usr/local/go/bin/go" : undefined);
  if (go === undefined) {
    throw new AppError({
      code: "failed_precondition",
      reason: "runtime_unavailable",
      message: "gVisor is not installed, and without Go it can't be built",
    });
  }
  onProgress("building gVisor (runsc) from source, once; this takes a few minutes");
  mkdirSync(`${cacheDir}/runsc`, { recursive: true });
  const workspace = mkdtempSync(`${cacheDir}/runsc/build-`);
  try {
    const env = { ...options.toolEnv, ...goEnvironment(workspace) };
    await run(await usableGo(go, workspace, env), ["install", "-ldflags=-s -w", runscPackage], {
      cwd: workspace,
      env,
      timeoutMs: buildTimeoutMs,
      onOutput: (text) => reportLines(text, onProgress),
    });
    mkdirSync(`${cacheDir}/runsc/${runscVersion}`, { recursive: true });
    renameSync(`${workspace}/bin/runsc`, target);
    onProgress("gVisor is built");
  } catch (error) {
    throw new AppError({
      code: "failed_precondition",
      reason: "runtime_unavailable",
      message: "gVisor could not be built from the Go module proxy",
      cause: error,
    });
  } finally {
    // Hundreds of megabytes that nothing needs again. The module cache would be read-only but for -modcacherw.
    rmSync(workspace, { recursive: true, force: true });
  }
}

/** All of Go's caches inside the workspace; a Go that is too old fetches the one that the module asks for. */
function goEnvironment(workspace: string): Record<string, string> {
  return {
    PATH: systemPath,
    HOME: workspace,
    GOPATH: `${workspace}/go`,
    GOBIN: `${workspace}/bin`,
    GOCACHE: `${workspace}/cache`,
    GOTMPDIR: workspace,
    GOFLAGS: "-p=2 -modcacherw",
    GOTOOLCHAIN: "auto",
    CGO_ENABLED: "0",
  };
}

function reportLines(text: string, onProgress: (line: string) => void): void {
  for (const line of text.split("\n")) {
    if (line.trim() !== "") onProgress(line.trim());
  }
}
