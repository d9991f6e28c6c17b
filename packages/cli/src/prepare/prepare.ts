import { buildEnvdArtefact, type EnvdArtefact } from "@sandbank/templates/envd-artefact";
import { ensureBaseTemplate } from "@sandbank/templates/base";
import type { BuildManifest } from "@sandbank/protocol/build-manifest";
import type { Config } from "../config/env.ts";
import { toolEnvironment } from "../config/env.ts";
import type { Paths } from "../config/paths.ts";
import type { Progress } from "../output/progress.ts";
import { ensureLocalNames, ensurePackages } from "./packages.ts";
import { ensureRunsc, type RunscChoice } from "./runsc.ts";

/** What the service needs on disk before it can start. */
export interface Prepared {
  envd: EnvdArtefact;
  base: BuildManifest;
  runsc: RunscChoice;
}

/** Installs and builds what is missing; a machine that has everything passes in a fraction of a second. */
export async function prepare(config: Config, paths: Paths, progress: Progress): Promise<Prepared> {
  await ensurePackages(progress);
  await ensureLocalNames(config.domain, progress);
  const runsc = await ensureRunsc(config, progress);
  const envd = await progress.step("envd", (say) =>
    buildEnvdArtefact({ cacheDir: config.cacheDir, onProgress: say }),
  );
  const base = await progress.step("base template", (say) =>
    ensureBaseTemplate({
      buildsDir: paths.buildsDir,
      layersDir: paths.layersDir,
      toolEnv: toolEnvironment(),
      onProgress: say,
    }),
  );
  return { envd, base, runsc };
}
