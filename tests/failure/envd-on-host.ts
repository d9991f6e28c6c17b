import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import { createInterface } from "node:readline";
import { readConfig } from "@sandbank/cli/config";
import { buildEnvdArtefact } from "@sandbank/templates/envd-artefact";

const startTimeoutMs = 60_000;

/** What a daemon holds. */
export interface Holdings {
  /** Open descriptors by kind ("socket", "pipe", "anon_inode:[eventpoll]", or a file's path). */
  descriptors: Record<string, number>;
  /** Zombies among them. */
  children: number;
  /** Directories that the kernel watches for it. */
  watches: number;
  threads: number;
}

/** The daemon as it runs in sandboxes, compiled, but straight on this host. */
export class EnvdOnHost implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(): Promise<EnvdOnHost> {
    const artefact = await buildEnvdArtefact({ cacheDir: readConfig().cacheDir });
    const [, , loader = "", ...args] = artefact.initArgs(artefact.dir);
    const options = ["--port", "0", "--bridge-port", "0", "--host", "127.0.0.1"];
    const child = spawn(loader, [...args, ...options], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { PATH: "/usr/bin:/bin" },
    });
    try {
      return new EnvdOnHost(child, await portOf(child));
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  async holdings(): Promise<Holdings> {
    const dir = `/proc/${this.#child.pid}`;
    const descriptors: Record<string, number> = {};
    let watches = 0;
    for (const fd of await readdir(`${dir}/fd`)) {
      const target = await readlink(`${dir}/fd/${fd}`).catch(noneIfGone);
      if (target === undefined) continue;
      const kind = target.replace(/:\[\d+\]$/, "");
      descriptors[kind] = (descriptors[kind] ?? 0) + 1;
      if (kind !== "anon_inode:inotify") continue;
      const info = (await readFile(`${dir}/fdinfo/${fd}`, "utf8").catch(noneIfGone)) ?? "";
      watches += info.match(/^inotify wd:/gm)?.length ?? 0;
    }
    const threads = await readdir(`${dir}/task`);
    let children = 0;
    for (const thread of threads) {
      const text = (await readFile(`${dir}/task/${thread}/children`, "utf8").catch(noneIfGone)) ?? "";
      children += text.split(" ").filter(Boolean).length;
    }
    return { descriptors, children, watches, threads: threads.length };
  }

  /** Proportional set size, MiB. */
  async pssMib(): Promise<number> {
    const text = await readFile(`/proc/${this.#child.pid}/smaps_rollup`, "utf8");
    return Number(/^Pss: +(\d+)/m.exec(text)?.[1] ?? Number.NaN) / 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

function noneIfGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ESRCH") throw error;
}

/** From its log, in which it also says where it listens. */
async function portOf(child: ChildProcess): Promise<number> {
  if (!child.stderr) throw new Error("the daemon was started without a log");
  const late = AbortSignal.timeout(startTimeoutMs);
  const lines = createInterface({ input: child.stderr, signal: late });
  for await (const line of lines) {
    const entry = JSON.parse(line) as { message?: string; address?: { port?: number } };
    if (entry.message !== "listening" || !entry.address?.port) continue;
    // Nobody reads on: its log must not fill the pipe.
    child.stderr.resume();
    return entry.address.port;
  }
  throw new Error("the daemon ended before it listened, or took too long");
}
