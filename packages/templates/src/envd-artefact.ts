import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { AppError } from "@sandbank/core/errors";
import { run } from "@sandbank/linux/command";

/** The daemon of every sandbox, ready to be mounted read-only into one. */
export interface EnvdArtefact {
  /** On the host. Readable by everybody: a sandbox's root may be any user here. */
  dir: string;
  /** Of everything that went into it; names the directory. */
  hash: string;
  /** The argument list of a sandbox's first process when `dir` is mounted at `guestDir`. */
  initArgs(guestDir: string): string[];
}

export interface EnvdArtefactOptions {
  cacheDir: string;
  onProgress?: ((line: string) => void) | undefined;
}

interface Ingredients {
  bun: string;
  bunVersion: string;
  catatonit: string;
  loader: string;
  libraries: string[];
}

const packages = fileURLToPath(new URL("../../", import.meta.url));
const sourceDirs = ["envd/src", "core/src", "protocol/src"];
const loaders: Partial<Record<NodeJS.Architecture, string>> = {
  x64: "/lib64/ld-linux-x86-64.so.2",
  arm64: "/lib/ld-linux-aarch64.so.1",
};
/** All that a compiled Bun program links to; copied so that it runs in images without glibc. */
const libraryNames = ["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0"];
const catatonitPlaces = [
  "/usr/bin/catatonit",
  "/usr/libexec/podman/catatonit",
  "/usr/libexec/catatonit/catatonit",
];
const buildFlags = [
  "--compile",
  "--minify",
  "--bytecode",
  // Files in the directory where a sandbox starts its daemon must not configure it.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
];
const compileTimeoutMs = 300_000;

/** Compiles the daemon, or finds it compiled from the same sources, under `<cacheDir>/envd/<hash>`. */
export async function buildEnvdArtefact(options: EnvdArtefactOptions): Promise<EnvdArtefact> {
  const ingredients = await findIngredients();
  const hash = await hashOf(ingredients);
  const parent = join(options.cacheDir, "envd");
  const dir = join(parent, hash);
  const artefact: EnvdArtefact = { dir, hash, initArgs: (guestDir) => initArgs(guestDir, ingredients) };
  if (existsSync(dir)) return artefact;
  options.onProgress?.("compiling the sandbox daemon (envd)");
  await mkdir(parent, { recursive: true });
  const temporary = await mkdtemp(join(parent, ".building-"));
  try {
    await assemble(temporary, ingredients);
    await publish(temporary, dir);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return artefact;
}

function initArgs(guestDir: string, { loader }: Ingredients): string[] {
  const lib = `${guestDir}/lib`;
  return [
    `${guestDir}/catatonit`,
    "--",
    `${lib}/${basename(loader)}`,
    "--library-path",
    lib,
    `${guestDir}/envd`,
  ];
}

async function findIngredients(): Promise<Ingredients> {
  const packageFile = createRequire(import.meta.url).resolve("bun/package.json");
  const { version } = JSON.parse(await readFile(packageFile, "utf8")) as { version: string };
  const loader = loaders[process.arch];
  if (!loader || !existsSync(loader))
    throw missing(`glibc's loader for ${process.arch}`, "a Debian or Ubuntu host");
  const catatonit = catatonitPlaces.find((file) => existsSync(file));
  if (!catatonit) throw missing("catatonit", "the package catatonit");
  const libraryDir = dirname(await realpath(loader));
  return {
    bun: join(dirname(packageFile), "bin/bun.exe"),
    bunVersion: version,
    catatonit,
    loader,
    libraries: libraryNames.map((name) => join(libraryDir, name)),
  };
}

function missing(what: string, remedy: string): AppError {
  return new AppError({
    code: "failed_precondition",
    message: `${what} is missing on this host: needs ${remedy}`,
  });
}

async function hashOf(ingredients: Ingredients): Promise<string> {
  const hash = createHash("sha256").update(ingredients.bunVersion);
  const sources: string[] = [];
  for (const dir of sourceDirs) {
    for (const name of await readdir(join(packages, dir), { recursive: true })) {
      if (name.endsWith(".ts") && !name.endsWith(".test.ts")) sources.push(join(dir, name));
    }
  }
  for (const source of sources.sort()) hash.update(source).update(await readFile(join(packages, source)));
  for (const file of [
    fileURLToPath(import.meta.url),
    ingredients.loader,
    ...ingredients.libraries,
    ingredients.catatonit,
  ]) {
    hash.update(await readFile(file));
  }
  return hash.digest("hex").slice(0, 16);
}

async function assemble(dir: string, ingredients: Ingredients): Promise<void> {
  const lib = join(dir, "lib");
  await mkdir(lib);
  const output = ["--outfile", join(dir, "envd"), join(packages, "envd/src/main.ts")];
  await run(ingredients.bun, ["build", ...buildFlags, ...output], { cwd: dir, timeoutMs: compileTimeoutMs });
  const copies: [string, string][] = [
    [ingredients.catatonit, join(dir, "catatonit")],
    ...[ingredients.loader, ...ingredients.libraries].map((file): [string, string] => [
      file,
      join(lib, basename(file)),
    ]),
  ];
  for (const [from, to] of copies) await copyFile(from, to);
  for (const file of [dir, lib, join(dir, "envd"), ...copies.map(([, to]) => to)]) await chmod(file, 0o755);
  await dropPages(join(dir, "envd"));
}

/**
 * Writes a file back and has the kernel forget its pages. Read in again they come in larger pieces, of which a
 * process that maps the file is charged less: 5 MiB of each daemon.
 */
async function dropPages(file: string): Promise<void> {
  await run("dd", [`of=${file}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"]);
}

async function publish(temporary: string, dir: string): Promise<void> {
  try {
    await rename(temporary, dir);
  } catch (error) {
    // Somebody else has built the same in the meantime.
    if (!existsSync(dir)) throw error;
  }
}
