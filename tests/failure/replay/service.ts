import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { repositoryDir, type TestCloud } from "@sandbank/cli/testkit";

const startTimeoutMs = 60_000;

/** The service of a cloud as a service manager runs it, to be killed and started again. */
export class KillableService {
  readonly #cloud: TestCloud;
  #child: ChildProcess | undefined;
  #said = "";

  constructor(cloud: TestCloud) {
    this.#cloud = cloud;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  /** Returns when it answers. With `diesAfterMs`, one start before that is killed on its way. */
  async start(diesAfterMs?: number): Promise<void> {
    if (diesAfterMs !== undefined) {
      this.#spawn();
      await sleep(diesAfterMs);
      await this.kill();
    }
    const child = this.#spawn();
    const deadline = performance.now() + startTimeoutMs;
    while ((await this.#cloud.status())?.pid !== child.pid) {
      if (child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`the service did not start (exit code ${child.exitCode}): ${this.#said}`);
      }
      await sleep(20);
    }
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  #spawn(): ChildProcess {
    this.#said = "";
    const child = spawn(join(repositoryDir, "sandbank"), ["serve"], {
      env: { PATH: process.env["PATH"], HOME: "/root", ...this.#cloud.settings },
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr.on("data", (text: Buffer) => {
      this.#said += text.toString();
    });
    this.#child = child;
    return child;
  }
}
