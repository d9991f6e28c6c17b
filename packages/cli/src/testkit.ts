import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "@sandbank/core/errors";
import { type CommandResult, runUnchecked } from "@sandbank/linux/command";
import { listNetns } from "@sandbank/linux/netns";
import { toolEnvironment } from "./config/env.ts";
import { repositoryDir } from "./config/paths.ts";

export { repositoryDir };
import type { SandboxStatus, ServiceStatus } from "./service/admin-server.ts";
import { AdminClient } from "./service/admin-client.ts";

export interface TestCloudOptions {
  isolation: "auto" | "gvisor" | "container";
  /** Settings beside those that keep it apart. */
  settings?: Record<string, string>;
  /** Metrics are served on `sparePort`. */
  metrics?: boolean;
}

/** Test clouds have ports from here on, four each: below those that the kernel gives to outgoing connections. */
const firstPort = 24_000;
const maxClouds = 100;

const portsOf = (number: number) => {
  const api = firstPort + 4 * number;
  return { api, proxy: api + 1, claim: api + 2, spare: api + 3 };
};

/**
 * Tells clouds of one machine apart: ports, names and addresses follow from it. Held by a port until `free` is called
 * or this process ends, also while the cloud itself is down.
 */
interface CloudNumber {
  number: number;
  free: () => void;
}

async function claimNumber(): Promise<CloudNumber> {
  const start = Math.floor(Math.random() * maxClouds);
  for (let tried = 0; tried < maxClouds; tried++) {
    const number = (start + tried) % maxClouds;
    const ports = portsOf(number);
    const claim = await listenOn(ports.claim);
    if (!claim) continue;
    const free = (): void => void claim.close();
    // One whose process has ended without taking it down, or a program that knows nothing of test clouds.
    const isLeft = (await listNetns(`t${number}-`)).length > 0;
    const areFree = await Promise.all([ports.api, ports.proxy, ports.spare].map(isFree));
    if (!isLeft && areFree.every(Boolean)) return { number, free };
    free();
  }
  throw new Error(`all ${maxClouds} test clouds are in use`);
}

async function isFree(port: number): Promise<boolean> {
  const server = await listenOn(port);
  if (!server) return false;
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  await promise;
  return true;
}

/** undefined when somebody else has the port. */
async function listenOn(port: number): Promise<Server | undefined> {
  const server = createServer().unref();
  const { promise, resolve } = Promise.withResolvers<Server | undefined>();
  server.once("error", () => resolve(undefined));
  server.listen({ port, host: "127.0.0.1", exclusive: true }, () => resolve(server));
  return promise;
}

/**
 * A cloud of its own, started and stopped with the command that users type, beside whatever else runs here:
 * own state, ports, names and addresses; only what can be rebuilt (templates, runsc, envd) is shared.
 */
export class TestCloud {
  readonly dir: string;
  readonly settings: Record<string, string>;
  /** Nobody else's either, for whatever a test wants to listen, e.g. metrics. */
  readonly sparePort: number;
  readonly #admin: AdminClient;
  readonly #freeNumber: () => void;

  private constructor(dir: string, { number, free }: CloudNumber, options: TestCloudOptions) {
    this.dir = dir;
    this.#freeNumber = free;
    const ports = portsOf(number);
    this.sparePort = ports.spare;
    this.settings = {
      SANDBANK_STATE_DIR: join(dir, "state"),
      SANDBANK_RUN_DIR: join(dir, "run"),
      SANDBANK_LOG_DIR: join(dir, "log"),
      SANDBANK_API_PORT: String(ports.api),
      SANDBANK_PROXY_PORT: String(ports.proxy),
      SANDBANK_TAG: `t${number}`,
      SANDBANK_HOST_PREFIX: `10.${100 + number}`,
      SANDBANK_ISOLATION: options.isolation,
      ...(options.metrics && { SANDBANK_METRICS_PORT: String(ports.spare) }),
      ...options.settings,
    };
    this.#admin = new AdminClient(join(dir, "run", "admin.sock"));
  }

  static async create(options: TestCloudOptions): Promise<TestCloud> {
    const dir = await mkdtemp(join(tmpdir(), "sandbank-cloud-"));
    // The root of a user namespace must be able to walk down to its sandbox.
    await chmod(dir, 0o711);
    return new TestCloud(dir, await claimNumber(), options);
  }

  /** `./sandbank ARGS` with this cloud's settings; a bad exit code is a result. `wrapper` goes before it, e.g. `env A=1`. */
  command(args: string[], timeoutMs = 600_000, wrapper: string[] = []): Promise<CommandResult> {
    const [program = "", ...rest] = [...wrapper, join(repositoryDir, "sandbank"), ...args];
    return runUnchecked(program, rest, {
      env: { ...toolEnvironment(), ...this.settings },
      timeoutMs,
    });
  }

  /** Starts it in the background; rejects with everything that `up` said when it fails. */
  async up(): Promise<void> {
    await this.#must(["up", "--detach"]);
  }

  /** Stops it; rejects when the command found something left behind. */
  async down(): Promise<void> {
    await this.#must(["down"]);
  }

  /** Stops it whatever state it is in and forgets it. */
  async dispose(): Promise<void> {
    await this.down();
    await rm(this.dir, { recursive: true });
    this.#freeNumber();
  }

  /** What `./sandbank env` exports. */
  async environment(): Promise<Record<string, string>> {
    const { stdout } = await this.#must(["env"]);
    return Object.fromEntries(
      [...stdout.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name ?? "", value ?? ""]),
    );
  }

  status(): Promise<ServiceStatus | undefined> {
    return this.#admin.status();
  }

  sandboxes(): Promise<SandboxStatus[]> {
    return this.#admin.sandboxes();
  }

  log(): Promise<string> {
    return readFile(join(this.dir, "log", "service.log"), "utf8");
  }

  async #must(args: string[]): Promise<CommandResult> {
    const result = await this.command(args);
    if (result.exitCode === 0) return result;
    throw new AppError({
      code: "internal",
      message: `sandbank ${args.join(" ")} exited with ${result.exitCode}: ${result.stderr}`,
    });
  }
}
