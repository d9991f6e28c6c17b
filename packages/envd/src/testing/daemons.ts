import { type ChildProcess, spawn } from "node:child_process";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { silentLogger } from "@sandbank/core/logger";
import { createDaemon } from "../daemon.ts";
import { runtime } from "../runtime/node.ts";

export interface TestDaemon {
  port: number;
  stop(): Promise<void>;
}

/** The daemon within this process, on Node. */
export async function startOnNode(): Promise<TestDaemon> {
  const server: Server = createDaemon({ runtime, logger: silentLogger, defaultUser: currentUser });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The daemon as it runs in sandboxes, on Bun, from source. */
export async function startOnBun(): Promise<TestDaemon> {
  const bun = join(dirname(createRequire(import.meta.url).resolve("bun/package.json")), "bin/bun.exe");
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const child: ChildProcess = spawn(
    bun,
    [main, "--port", "0", "--bridge-port", "0", "--host", "127.0.0.1", "--default-user", currentUser],
    { stdio: ["ignore", "ignore", "pipe"], env: { PATH: "/usr/bin:/bin" } },
  );
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const port = await portOf(child, exited);
  return {
    port,
    async stop() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

async function portOf(child: ChildProcess, exited: Promise<void>): Promise<number> {
  if (!child.stderr) throw new Error("no stderr");
  const lines = createInterface({ input: child.stderr });
  const found = Promise.withResolvers<number>();
  lines.on("line", (line) => {
    const entry = JSON.parse(line) as { message?: string; address?: { port?: number } };
    if (entry.message === "listening" && entry.address?.port) found.resolve(entry.address.port);
  });
  void exited.then(() => found.reject(new Error("the daemon ended before it listened")));
  return await found.promise;
}

/** Unprivileged, whoever runs the tests is the only user that can be. */
export const currentUser = process.getuid?.() === 0 ? "root" : (process.env["USER"] ?? "root");
