import { cpus, release, totalmem } from "node:os";
import { cgroupVersion } from "@sandbank/linux/cgroup";
import { runUnchecked } from "@sandbank/linux/command";

/** What a result depends on. */
export async function describeMachine(programs: string[]): Promise<Record<string, unknown>> {
  const versions: Record<string, string> = { node: process.version };
  for (const program of programs) {
    const { stdout } = await runUnchecked(program, ["--version"]);
    versions[program] = stdout.split("\n")[0]?.trim() ?? "";
  }
  return {
    at: new Date().toISOString(),
    kernel: release(),
    arch: process.arch,
    cpus: cpus().length,
    cpuModel: cpus()[0]?.model,
    memoryMib: Math.round(totalmem() / 1024 / 1024),
    cgroupVersion: cgroupVersion(),
    versions,
  };
}
