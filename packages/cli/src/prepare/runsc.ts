import { existsSync } from "node:fs";
import { AppError, errorText } from "@sandbank/core/errors";
import { silentLogger } from "@sandbank/core/logger";
import { findProgram } from "@sandbank/linux/program";
import { builtRunscPath, installRunsc } from "@sandbank/runtime/install-runsc";
import { type Config, toolEnvironment } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import type { Progress } from "../output/progress.ts";
import { ensureGo } from "./packages.ts";

export interface RunscChoice {
  /** Undefined: there is no gVisor tier on this machine. */
  path: string | undefined;
}

/**
 * gVisor's runsc, built once when the machine has none that works. With `auto`, a machine that can't have it gets
 * the next tier and is told so; when gVisor was asked for by name, it is an error.
 */
export async function ensureRunsc(config: Config, progress: Progress): Promise<RunscChoice> {
  if (config.isolation === "container") return { path: undefined };
  const paths = pathsOf(config);
  try {
    if (!existsSync(builtRunscPath(config.cacheDir)) && !findProgram("runsc")) await ensureGo(progress);
    const path = await progress.step("gVisor", (say) =>
      installRunsc({
        cacheDir: config.cacheDir,
        stateDir: paths.runtimeDir,
        toolEnv: toolEnvironment(),
        logger: silentLogger,
        onProgress: say,
      }),
    );
    return { path };
  } catch (error) {
    if (config.isolation === "gvisor" || !(error instanceof AppError)) throw error;
    progress.say(`no gVisor on this machine, so sandboxes get a weaker tier: ${errorText(error)}`);
    return { path: undefined };
  }
}

/** The runsc that an earlier `up` chose, without building or probing anything. */
export function installedRunsc(config: Config): string | undefined {
  const built = builtRunscPath(config.cacheDir);
  return existsSync(built) ? built : findProgram("runsc");
}
