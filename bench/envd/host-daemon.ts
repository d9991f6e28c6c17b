import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import { buildEnvdArtefact } from "../../packages/templates/src/envd-artefact.ts";
import type { EnvdEndpoint } from "../lib/envd-client.ts";

const port = 49_993;
const startTimeoutMs = 10_000;

/** The compiled daemon straight on the host, started as in a sandbox but without its init. */
export class HostDaemon implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly endpoint: EnvdEndpoint = {
    host: "127.0.0.1",
    port,
    agent: new Agent({ keepAlive: true, maxSockets: 16 }),
    headers: {},
  };
  /** From spawn to the first answer, ms. */
  readonly launchMs: number;

  private constructor(child: ChildProcess, launchMs: number) {
    this.#child = child;
    this.launchMs = launchMs;
  }

  static async start(cacheDir: string): Promise<HostDaemon> {
    const artefact = await buildEnvdArtefact({ cacheDir });
    const [, , loader = "", ...args] = artefact.initArgs(artefact.dir);
    const started = performance.now();
    const child = spawn(
      loader,
      [...args, "--port", String(port), "--bridge-port", "0", "--host", "127.0.0.1"],
      {
        stdio: "ignore",
        env: { PATH: "/usr/bin:/bin" },
      },
    );
    while (!(await answers())) {
      if (performance.now() - started > startTimeoutMs) throw new Error("the daemon does not answer");
    }
    return new HostDaemon(child, performance.now() - started);
  }

  /** Proportional set size, MiB. */
  async pssMib(): Promise<number> {
    const text = await readFile(`/proc/${this.#child.pid}/smaps_rollup`, "utf8");
    return Number(/^Pss: +(\d+)/m.exec(text)?.[1] ?? Number.NaN) / 1024;
  }

  /** Processor time of the daemon itself so far, s. */
  async cpuSeconds(): Promise<number> {
    const text = await readFile(`/proc/${this.#child.pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.endpoint.agent.destroy();
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/health", agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 204);
    });
    request.on("error", () => resolve(false));
  });
}
