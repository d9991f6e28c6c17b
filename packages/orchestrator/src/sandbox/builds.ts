import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@sandbank/core/errors";
import type { BuildManifest } from "@sandbank/protocol/build-manifest";

export interface Build {
  manifest: BuildManifest;
  /** Absolute folders, lowest first. */
  layers: string[];
}

/** Template builds on this node's disk. A build never changes, so each is read once. */
export class BuildCatalog {
  readonly #buildsDir: string;
  readonly #layersDir: string;
  readonly #loaded = new Map<string, Build>();

  constructor(paths: { buildsDir: string; layersDir: string }) {
    this.#buildsDir = paths.buildsDir;
    this.#layersDir = paths.layersDir;
  }

  /** Rejects with `not_found` for a build that this node does not have. */
  async load(buildId: string): Promise<Build> {
    const known = this.#loaded.get(buildId);
    if (known) return known;
    if (!/^[0-9a-f-]{36}$/.test(buildId)) throw missing(buildId);
    const text = await readFile(join(this.#buildsDir, `${buildId}.json`), "utf8").catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") throw missing(buildId, error);
      throw error;
    });
    const manifest = JSON.parse(text) as BuildManifest;
    const build = { manifest, layers: manifest.layers.map((layer) => join(this.#layersDir, layer)) };
    this.#loaded.set(buildId, build);
    return build;
  }
}

const missing = (buildId: string, cause?: unknown): AppError =>
  new AppError({ code: "not_found", message: `template build ${buildId} is not on this node`, cause });
