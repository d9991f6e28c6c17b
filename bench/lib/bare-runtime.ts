import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "@sandbank/cli/config";
import { runUnchecked, systemPath } from "@sandbank/linux/command";
import { findProgram } from "@sandbank/linux/program";
import { builtRunscPath } from "@sandbank/runtime/install-runsc";
import { baseManifest } from "@sandbank/templates/base";

export type Isolation = "gvisor" | "container";

const commandTimeoutMs = 30_000;

/** Runs a program whose children may hold its output open; resolves when the program itself has ended well. */
async function runDetaching(file: string, args: string[], cwd?: string): Promise<void> {
  const child = spawn(file, args, {
    cwd,
    env: { PATH: systemPath },
    stdio: "ignore",
    timeout: commandTimeoutMs,
    killSignal: "SIGKILL",
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.on("error", reject);
  child.on("exit", (code) => {
    if (code === 0) resolve();
    else reject(new Error(`${file} ${args.join(" ")} exited with ${code}`));
  });
  await promise;
}

/** The runtime alone, on the base template's files, with the runtime's own default configuration: what can't be saved. */
export class BareRuntime implements AsyncDisposable {
  readonly #program: string;
  readonly #flags: string[];
  readonly #dir: string;
  #number = 0;

  private constructor(program: string, flags: string[], dir: string) {
    this.#program = program;
    this.#flags = ["--root", join(dir, "state"), ...flags];
    this.#dir = dir;
  }

  static async prepare(isolation: Isolation): Promise<BareRuntime> {
    const { cacheDir } = readConfig();
    const program = isolation === "gvisor" ? builtRunscPath(cacheDir) : findProgram("runc");
    if (program === undefined) throw new Error("runc is not installed");
    const flags =
      isolation === "gvisor" ? ["--platform=systrap", "--network=sandbox", "--ignore-cgroups"] : [];
    const dir = await mkdtemp(join(tmpdir(), "sandbank-bench-"));
    await runDetaching(program, ["spec"], dir);
    const path = join(dir, "config.json");
    const spec = JSON.parse(await readFile(path, "utf8")) as {
      process: { args: string[]; terminal: boolean };
      root: { path: string; readonly: boolean };
    };
    spec.process.args = ["/bin/sleep", "300"];
    spec.process.terminal = false;
    spec.root = { path: join(cacheDir, "layers", baseManifest().layers[0] ?? ""), readonly: true };
    await writeFile(path, JSON.stringify(spec));
    return new BareRuntime(program, flags, dir);
  }

  /** Creates and starts one container and returns how to end it. */
  async start(): Promise<() => Promise<void>> {
    const id = `bench${process.pid}x${String(this.#number++).padStart(6, "0")}`;
    await runDetaching(this.#program, [...this.#flags, "create", "--bundle", this.#dir, id]);
    await runDetaching(this.#program, [...this.#flags, "start", id]);
    return () => runDetaching(this.#program, [...this.#flags, "delete", "-force", id]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // runsc mounts an empty network namespace here; runc has no such file.
    await runUnchecked("umount", [join(this.#dir, "state/null-netns")]);
    await rm(this.#dir, { recursive: true, force: true });
  }
}
