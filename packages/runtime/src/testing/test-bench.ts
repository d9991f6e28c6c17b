import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { newSandboxId } from "@sandbank/core/ids";
import { removeCgroup } from "@sandbank/linux/cgroup";
import { run } from "@sandbank/linux/command";
import { mountPointsUnder, unmount } from "@sandbank/linux/mount";
import type { ExitInfo, RuntimeDriver, RuntimeSandbox, SandboxSpec } from "../contract.ts";
import { benchCgroup } from "./real-drivers.ts";

/** What a sandbox that ran to its end has left to look at. */
export interface Outcome extends ExitInfo {
  output: string;
}

/** Directories, a network namespace and sandboxes for tests and benches; `close` takes all of it down. */
export class TestBench {
  readonly directory: string;
  readonly #layer: string;
  readonly #netns = `sbt-${process.pid}`;
  #driver: RuntimeDriver | undefined;
  /** All sandboxes that a spec was ever made for. */
  readonly ids: string[] = [];
  /** Processes of all sandboxes that were started. */
  readonly pids: number[] = [];
  readonly #sandboxes = new Set<RuntimeSandbox>();

  constructor(layer: string) {
    this.#layer = layer;
    mkdirSync("/var/cache/sandbank", { recursive: true });
    this.directory = mkdtempSync("/var/cache/sandbank/test-");
    chmodSync(this.directory, 0o711);
  }

  get stateDir(): string {
    return `${this.directory}/state`;
  }

  get driver(): RuntimeDriver {
    if (!this.#driver) throw new Error("the bench has no driver yet");
    return this.#driver;
  }

  /** Makes the namespace and takes the driver that is to be tried. */
  async open(driver: RuntimeDriver): Promise<void> {
    this.#driver = driver;
    await run("ip", ["netns", "add", this.#netns]);
    await run("ip", ["-n", this.#netns, "link", "set", "lo", "up"]);
  }

  /** A whole spec with a new `workDir`; `overrides` replaces parts of it. */
  spec(args: string[], overrides: Partial<SandboxSpec> = {}): SandboxSpec {
    const id = newSandboxId();
    this.ids.push(id);
    const workDir = `${this.directory}/${id}`;
    mkdirSync(workDir, { mode: 0o700 });
    return {
      id,
      workDir,
      layers: [this.#layer],
      limits: { cpuCount: 1, memoryMib: 512, pids: 200, diskMib: 256 },
      network: { netnsPath: `/run/netns/${this.#netns}` },
      hostname: "box",
      files: {},
      mounts: [],
      args,
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
      ...overrides,
    };
  }

  async start(spec: SandboxSpec): Promise<RuntimeSandbox> {
    const sandbox = await this.driver.start(spec);
    this.#sandboxes.add(sandbox);
    this.pids.push(sandbox.pid);
    for (const name of readdirSync(spec.workDir)) {
      if (name.endsWith(".pid")) this.pids.push(Number(readFileSync(`${spec.workDir}/${name}`, "utf8")));
    }
    return sandbox;
  }

  /** Destroys `sandbox` with the others on `close`, should a test fail before it does. */
  adopt(sandbox: RuntimeSandbox): void {
    this.#sandboxes.add(sandbox);
  }

  /** Runs a shell script in a sandbox of its own to the end. */
  async shell(script: string, overrides: Partial<SandboxSpec> = {}): Promise<Outcome> {
    return this.outcome(this.spec(["/bin/sh", "-c", script], overrides));
  }

  /** The same with a Python program. */
  async python(program: string, overrides: Partial<SandboxSpec> = {}): Promise<Outcome> {
    return this.outcome(this.spec(["/usr/bin/python3", "-c", program], overrides));
  }

  async outcome(spec: SandboxSpec): Promise<Outcome> {
    const sandbox = await this.start(spec);
    const { exitCode } = await sandbox.exited;
    const output = await sandbox.consoleTail(64 * 1024);
    await this.destroy(sandbox);
    return { exitCode, output };
  }

  async destroy(sandbox: RuntimeSandbox): Promise<void> {
    await sandbox.destroy();
    this.#sandboxes.delete(sandbox);
  }

  /** How many there were. */
  async destroyAll(): Promise<number> {
    const all = [...this.#sandboxes];
    for (const sandbox of all) await this.destroy(sandbox);
    return all.length;
  }

  async close(): Promise<void> {
    await this.destroyAll();
    if (existsSync(`/run/netns/${this.#netns}`)) await run("ip", ["netns", "delete", this.#netns]);
    // gVisor keeps a mount in its state directory.
    for (const point of mountPointsUnder(this.directory)) unmount(point);
    await removeCgroup(benchCgroup(this.directory), 10_000);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
