import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { AppError } from "@sandbank/core/errors";
import { runUnchecked } from "@sandbank/linux/command";
import type { Config } from "../config/env.ts";

/** What must be true before anything is installed or built; each failure says what to do. */
export async function preflight(config: Config): Promise<void> {
  if (process.platform !== "linux") throw precondition("Sandbank needs Linux");
  if (process.getuid?.() !== 0) {
    throw precondition("this needs root for namespaces, mounts and cgroups: run it with sudo, or as root");
  }
  await portMustBeFree(config.bindAddress, config.apiPort, "API", "SANDBANK_API_PORT");
  await portMustBeFree(config.bindAddress, config.proxyPort, "sandbox proxy", "SANDBANK_PROXY_PORT");
}

async function portMustBeFree(host: string, port: number, purpose: string, setting: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const server = createServer();
  server.once("error", reject);
  server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  try {
    await promise;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRNOTAVAIL") {
      throw precondition(
        `${host} is no address of this machine, so the ${purpose} can't listen there: set SANDBANK_BIND`,
      );
    }
    if (code !== "EADDRINUSE") throw error;
    const holder = await portHolder(port);
    throw precondition(
      `port ${port} for the ${purpose} is taken by ${holder}: end it, or choose another port with ${setting}`,
    );
  }
}

/** The process that listens on a TCP port, as `name (pid 123)`. */
export async function portHolder(port: number): Promise<string> {
  if (!existsSync("/usr/bin/ss") && !existsSync("/bin/ss") && !existsSync("/usr/sbin/ss"))
    return "another process";
  const { stdout } = await runUnchecked("ss", ["-Hltnp", "sport", "=", `:${port}`]);
  const holders = [...stdout.matchAll(/\("([^"]+)",pid=(\d+)/g)].map(
    ([, name, pid]) => `${name} (pid ${pid})`,
  );
  return [...new Set(holders)].join(", ") || "another process";
}

const precondition = (message: string): AppError => new AppError({ code: "failed_precondition", message });
