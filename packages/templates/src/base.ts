import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "@sandbank/linux/command";
import type { BuildManifest } from "@sandbank/protocol/build-manifest";
import { envdProtocolVersion } from "@sandbank/protocol/headers";
import { baseFiles, baseRecipe } from "./base-recipe.ts";

export interface BaseOptions {
  buildsDir: string;
  layersDir: string;
  /** Environment of the package clients: PATH, proxies, certificates. */
  toolEnv: Record<string, string>;
  onProgress: (line: string) => void;
}

/** The build of the `base` template on this machine; made at the first call (about a minute), reused later. */
export async function ensureBaseTemplate(options: BaseOptions): Promise<BuildManifest> {
  const manifest = baseManifest();
  const manifestFile = join(options.buildsDir, `${manifest.buildId}.json`);
  const layer = join(options.layersDir, manifest.layers[0] ?? "");
  if (existsSync(manifestFile) && existsSync(layer)) return manifest;
  await mkdir(options.buildsDir, { recursive: true, mode: 0o755 });
  await mkdir(options.layersDir, { recursive: true, mode: 0o711 });
  if (!existsSync(layer)) await buildLayer(layer, options);
  await writeFile(`${manifestFile}.new`, JSON.stringify(manifest, undefined, 2));
  await rename(`${manifestFile}.new`, manifestFile);
  return manifest;
}

/** Everything follows from the recipe, so that a second machine, or a second run, names the same build the same. */
export function baseManifest(): BuildManifest {
  const hash = sha256(JSON.stringify([baseRecipe, baseFiles, process.arch]));
  const uuid = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, `8${hash.slice(17, 20)}`];
  return {
    buildId: [...uuid, hash.slice(20, 32)].join("-"),
    templateId: sha256("sandbank base template").slice(0, 20),
    layers: [`base-${hash.slice(0, 16)}`],
    cpuCount: baseRecipe.cpuCount,
    memoryMib: baseRecipe.memoryMib,
    diskMib: baseRecipe.diskMib,
    defaultUser: baseRecipe.user.name,
    defaultWorkdir: baseRecipe.user.home,
    envdVersion: envdProtocolVersion,
  };
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Built beside its final place and renamed, so that an interrupted build is never taken for a whole one. */
async function buildLayer(layer: string, options: BaseOptions): Promise<void> {
  const building = await mkdtemp(`${layer}.building-`);
  try {
    await chmod(building, 0o755);
    options.onProgress(`Debian ${baseRecipe.suite} with ${baseRecipe.packages.length} packages`);
    await bootstrap(building, options);
    options.onProgress(`Node ${baseRecipe.npm.node}, npm ${baseRecipe.npm.npm}, yarn ${baseRecipe.npm.yarn}`);
    await installNode(building, options);
    options.onProgress("users and settings");
    await configure(building);
    await rename(building, layer);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    throw error;
  }
}

async function bootstrap(root: string, { toolEnv, onProgress }: BaseOptions): Promise<void> {
  await run(
    "mmdebstrap",
    [
      "--variant=minbase",
      "--format=directory",
      "--aptopt=Apt::Install-Recommends false",
      "--dpkgopt=path-exclude=/usr/share/man/*",
      "--dpkgopt=path-exclude=/usr/share/doc/*",
      "--dpkgopt=path-include=/usr/share/doc/*/copyright",
      `--include=${baseRecipe.packages.join(",")}`,
      // mmdebstrap says what it is doing on lines that begin with "I: ".
      baseRecipe.suite,
      root,
    ],
    {
      env: toolEnv,
      timeoutMs: 15 * 60_000,
      onOutput: (text) => {
        for (const line of text.split("\n")) if (line.startsWith("I: ")) onProgress(line.slice(3));
      },
    },
  );
}

/** npm packages of exact versions, unpacked into the template; no script of theirs is run. */
async function installNode(root: string, { toolEnv }: BaseOptions): Promise<void> {
  const downloads = await mkdtemp(`${root}-npm-`);
  try {
    const { node, npm, yarn } = baseRecipe.npm;
    const modules = join(root, "usr/local/lib/node_modules");
    const platform = process.arch === "arm64" ? "linux-arm64" : "linux-x64";
    await unpack(`node-${platform}@${node}`, join(modules, "node"), downloads, toolEnv);
    await unpack(`npm@${npm}`, join(modules, "npm"), downloads, toolEnv);
    await unpack(`yarn@${yarn}`, join(modules, "yarn"), downloads, toolEnv);
    const programs = {
      node: "node/bin/node",
      npm: "npm/bin/npm-cli.js",
      npx: "npm/bin/npx-cli.js",
      yarn: "yarn/bin/yarn.js",
    };
    for (const [name, target] of Object.entries(programs)) {
      await chmod(join(modules, target), 0o755);
      await symlink(`../lib/node_modules/${target}`, join(root, "usr/local/bin", name));
    }
  } finally {
    await rm(downloads, { recursive: true, force: true });
  }
}

async function unpack(
  spec: string,
  target: string,
  downloads: string,
  env: Record<string, string>,
): Promise<void> {
  const output = await run("npm", ["pack", spec, "--json", "--pack-destination", downloads], {
    cwd: downloads,
    env,
    timeoutMs: 5 * 60_000,
  });
  const [packed] = JSON.parse(output) as { filename: string }[];
  await mkdir(target, { recursive: true });
  const archive = join(downloads, packed?.filename ?? "");
  await run("tar", ["-xzf", archive, "-C", target, "--strip-components=1", "--no-same-owner"]);
}

async function configure(root: string): Promise<void> {
  const { name, uid, home } = baseRecipe.user;
  await run("chroot", [root, "useradd", "--create-home", "--uid", String(uid), "--shell", "/bin/bash", name]);
  await run("chroot", [root, "passwd", "--delete", "root"]);
  for (const [path, { text, mode }] of Object.entries(baseFiles)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    await chmod(join(root, path), mode);
  }
  // As in E2B's templates: anybody may install below /usr/local, and /code is anybody's.
  await run("chmod", ["-R", "a+rwX", join(root, "usr/local")]);
  await mkdir(join(root, "code"));
  await chmod(join(root, "code"), 0o777);
  await chown(join(root, home), uid, uid);
  await quietTheSkeleton(join(root, home, ".profile"));
}

/** Debian's ~/.profile is kept as it is, save for what would start a program. */
async function quietTheSkeleton(file: string): Promise<void> {
  const text = await readFile(file, "utf8");
  const kept = text.split("\n").filter((line) => !/^\s*(mesg|tty)\b/.test(line));
  await writeFile(file, kept.join("\n"));
}
