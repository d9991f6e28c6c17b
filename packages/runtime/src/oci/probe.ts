import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { withTimeout } from "@sandbank/core/deadline";
import { errorText } from "@sandbank/core/errors";
import { newSandboxId } from "@sandbank/core/ids";
import { hasCode } from "@sandbank/linux/libc";
import { mountPointsUnder, unmount } from "@sandbank/linux/mount";
import type { ProbeResult, RuntimeDriver, SandboxSpec } from "../contract.ts";
import { probeProgram, probeWord } from "./probe-program.ts";

const bootTimeoutMs = 10_000;

export interface ProbeOptions {
  /** Remembers a success, and holds the probe's sandbox. */
  cacheDir: string;
  runtimePath: string;
  conmonPath: string;
}

/**
 * Boots a real sandbox that prints a word and ends, with a disk and limits like any other, and takes it down.
 * A success is remembered until the kernel or one of the programs changes, or the machine restarts.
 */
export async function probeBoot(driver: RuntimeDriver, options: ProbeOptions): Promise<ProbeResult> {
  const remembered = `${options.cacheDir}/probe-${driver.name}.json`;
  let key: string;
  try {
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    key = JSON.stringify([release(), bootId, ...[options.runtimePath, options.conmonPath].map(fingerprint)]);
  } catch (error) {
    return { usable: false, evidence: errorText(error) };
  }
  if (readIfThere(remembered) === key) {
    return { usable: true, evidence: `${options.runtimePath} booted a sandbox earlier on this kernel` };
  }
  const result = await boot(driver, options);
  if (result.usable) writeFileSync(remembered, key);
  return result;
}

async function boot(driver: RuntimeDriver, options: ProbeOptions): Promise<ProbeResult> {
  const program = probeProgram(process.arch);
  if (!program) return { usable: false, evidence: `no probe program for ${process.arch}` };
  // Where templates are kept, because it depends on the file system whether owners can be mapped.
  const directory = mkdtempSync(`${options.cacheDir}/probe-`);
  // A container's root, another user on the host, walks through here.
  chmodSync(directory, 0o711);
  const begun = performance.now();
  try {
    const word = await bootOnce(driver, probeSpec(directory, program));
    const tookMs = Math.round(performance.now() - begun);
    if (word === probeWord) {
      return { usable: true, evidence: `${options.runtimePath} booted a sandbox in ${tookMs} ms` };
    }
    return {
      usable: false,
      evidence: `${options.runtimePath}: the probe sandbox said ${JSON.stringify(word)}`,
    };
  } catch (error) {
    return { usable: false, evidence: `${options.runtimePath}: ${errorText(error)}` };
  } finally {
    for (const point of mountPointsUnder(directory)) unmount(point);
    rmSync(directory, { recursive: true, force: true });
  }
}

async function bootOnce(driver: RuntimeDriver, spec: SandboxSpec): Promise<string> {
  const sandbox = await driver.start(spec);
  try {
    const exit = await withTimeout("the probe sandbox", bootTimeoutMs, () => sandbox.exited);
    const tail = (await sandbox.consoleTail(2000)).trim();
    return exit.exitCode === 0 ? tail : `exit code ${exit.exitCode}: ${tail}`;
  } finally {
    await sandbox.destroy();
  }
}

function probeSpec(directory: string, program: Buffer): SandboxSpec {
  const layer = `${directory}/layer`;
  const workDir = `${directory}/work`;
  for (const path of [layer, workDir]) mkdirSync(path);
  writeFileSync(`${layer}/probe`, program, { mode: 0o755 });
  return {
    id: newSandboxId(),
    workDir,
    layers: [layer],
    limits: { cpuCount: 1, memoryMib: 256, pids: 64, diskMib: 16 },
    network: { netnsPath: undefined },
    hostname: "probe",
    files: {},
    mounts: [],
    args: ["/probe"],
    env: {},
  };
}

function fingerprint(path: string): string {
  const { size, mtimeMs } = statSync(path);
  return `${path} ${size} ${mtimeMs}`;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
