import { chmodSync, globSync, statSync } from "node:fs";
import { run } from "@sandbank/linux/command";

/** A Go that builds gVisor; taken from the Go module proxy when the distribution's own can't fetch one by itself. */
const toolchainVersion = "1.26.8";

/**
 * The given Go when it is new enough (1.21) to fetch the toolchain that a module asks for; else a toolchain that it
 * fetches like any other module. `env` must name the caches that the caller owns.
 */
export async function usableGo(go: string, workspace: string, env: Record<string, string>): Promise<string> {
  const version = await run(go, ["version"], { cwd: workspace, env });
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(version) ?? [];
  if (Number(major) > 1 || Number(minor) >= 21) return go;
  const arch = process.arch === "arm64" ? "arm64" : "amd64";
  const module = `golang.org/toolchain@v0.0.1-go${toolchainVersion}.linux-${arch}`;
  const said = await run(go, ["mod", "download", "-json", module], {
    cwd: workspace,
    env,
    timeoutMs: 600_000,
  });
  const { Dir: dir } = JSON.parse(said) as { Dir: string };
  // Module archives carry no modes; a Go that knows about toolchains sets these itself.
  for (const file of globSync([`${dir}/bin/*`, `${dir}/pkg/tool/*/*`])) {
    if (statSync(file).isFile()) chmodSync(file, 0o755);
  }
  return `${dir}/bin/go`;
}
