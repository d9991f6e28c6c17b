import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { run, runUnchecked } from "../command.ts";
import { ipBatch, ipBatchForced } from "../ip.ts";
import { netnsPath } from "../netns.ts";

export interface InternetSetup {
  /** PEM, for TLS. */
  key: string;
  certificate: string;
  addresses: string[];
  /** Addresses by name; of several the next one at each question. */
  zone: Record<string, string[]>;
}

export interface InternetEvent {
  kind: "ready" | "tcp" | "http" | "tls" | "dns" | "socks";
  to?: string;
  host?: string;
  name?: string;
  url?: string;
  port?: number;
}

/** A subnet for documentation that this machine routes nowhere yet. */
async function freeSubnet(): Promise<string> {
  const start = Math.floor(Math.random() * 16);
  for (let tried = 0; tried < 16; tried++) {
    const base = `203.0.113.${((start + tried) % 16) * 16}`;
    if ((await run("ip", ["-4", "route", "show", "exact", `${base}/28`])).trim() === "") return base;
  }
  throw new Error("all test subnets are in use");
}

/**
 * A namespace that plays the internet: sixteen public-looking addresses behind the host's forward path, with servers on all
 * of them. TCP echo on 7000, one that speaks first on 7001, HTTP on 80 and 8080, TLS on 443 and 8443, UDP echo on 7000, DNS on
 * 53, SOCKS5 (user, pass) on 1080 and, in TLS, on 1443.
 */
export class FakeInternet {
  readonly events: InternetEvent[] = [];
  readonly #name: string;
  readonly #base: string;
  #server: ChildProcess | undefined;

  private constructor(name: string, base: string) {
    this.#name = name;
    this.#base = base;
  }

  /** `name` is of the namespace and the device: at most 12 letters. `zone` gives numbers for `address` or addresses. */
  static async start(
    name: string,
    zone: Record<string, (number | string)[]>,
    tls: Pick<InternetSetup, "key" | "certificate">,
  ): Promise<FakeInternet> {
    const internet = new FakeInternet(name, await freeSubnet());
    try {
      await internet.#build();
      const addresses = Object.entries(zone).map(([host, answers]) => [
        host,
        answers.map((answer) => (typeof answer === "number" ? internet.address(answer) : answer)),
      ]);
      const own = Array.from({ length: 14 }, (_, index) => internet.address(index + 1));
      await internet.#serve({ ...tls, addresses: own, zone: Object.fromEntries(addresses) });
      return internet;
    } catch (error) {
      await internet.stop();
      throw error;
    }
  }

  /** The n-th address, 1 to 14. */
  address(number: number): string {
    return this.#base.replace(/\d+$/, (last) => String(Number(last) + number));
  }

  get subnet(): string {
    return `${this.#base}/28`;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server && server.exitCode === null && server.signalCode === null) {
      server.kill("SIGKILL");
      await once(server, "exit");
    }
    await ipBatchForced([`link del ${this.#name}`, `netns del ${this.#name}`]);
  }

  async #build(): Promise<void> {
    await ipBatch([
      `netns add ${this.#name}`,
      `link add ${this.#name} type veth peer name eth0 netns ${this.#name}`,
      `link set ${this.#name} up`,
      `addr add ${this.#base}/32 dev ${this.#name}`,
      `route add ${this.#base}/28 dev ${this.#name} src ${this.#base}`,
    ]);
    const addresses = Array.from(
      { length: 14 },
      (_, index) => `addr add ${this.address(index + 1)}/28 dev eth0`,
    );
    await ipBatch(
      ["link set lo up", "link set eth0 up", ...addresses, `route add default via ${this.#base}`],
      this.#name,
    );
  }

  async #serve(setup: InternetSetup): Promise<void> {
    const script = fileURLToPath(new URL("internet-server.ts", import.meta.url));
    const server = spawn("nsenter", [`--net=${netnsPath(this.#name)}`, process.execPath, script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#server = server;
    server.stdin.end(JSON.stringify(setup));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("exit", (code) => reject(new Error(`the test's internet ended with ${code}`)));
    createInterface({ input: server.stdout }).on("line", (line) => {
      const event = JSON.parse(line) as InternetEvent;
      if (event.kind === "ready") resolve();
      else this.events.push(event);
    });
    await promise;
  }
}

/** Runs a program in a namespace. */
export const inNetns = (netns: string, file: string, args: string[]) =>
  runUnchecked("nsenter", [`--net=${netnsPath(netns)}`, file, ...args]);
