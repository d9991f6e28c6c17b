import { createServer } from "node:net";
import { AppError } from "@sandbank/core/errors";
import { runUnchecked } from "@sandbank/linux/command";
import { findProgram } from "@sandbank/linux/program";
import { prefixConflict } from "@sandbank/orchestrator/network/prefix-conflict";
import type { Config } from "../config/env.ts";
import { holdTag } from "../service/own-tag.ts";

/** What must be true before anything is installed or built; each failure says what to do. */
export async function preflight(config: Config): Promise<void> {
  if (process.platform !== "linux") throw precondition("Sandbank needs Linux");
  if (process.getuid?.() !== 0) {
    throw precondition("this needs root for namespaces, mounts and cgroups: run it with sudo, or as root");
  }
  await portMustBeFree(config.bindAddress, config.apiPort, "API", "SANDBANK_API_PORT");
  await portMustBeFree(config.bindAddress, config.proxyPort, "sandbox proxy", "SANDBANK_PROXY_PORT");
  (await holdTag(config.tag)).release();
  await addressesMustBeFree(config);
}

/** On a machine where the programs to look with are not installed yet, there is no other cloud. */
async function addressesMustBeFree({ tag, hostPrefix }: Config): Promise<void> {
  if (findProgram("ip") === undefined || findProgram("nft") === undefined) return;
  const holder = await prefixConflict({ tag, hostPrefix });
  if (holder === undefined) return;
  throw precondition(
    `the addresses ${hostPrefix}.0.0/16, which sandboxes would get on this machine, are taken by ${holder}: ` +
      "choose others with SANDBANK_HOST_PREFIX",
  );
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
    const holder = (await portHolder(host, port)) ?? "another process";
    throw precondition(
      `port ${port} for the ${purpose} is taken by ${holder}: end it, or choose another port with ${setting}`,
    );
  }
}

/** Who listens on a TCP port of an address, as `name (pid 123)`; undefined when that is nobody, or can't be found out. */
export async function portHolder(host: string, port: number): Promise<string | undefined> {
  if (findProgram("ss") === undefined) return undefined;
  const { stdout } = await runUnchecked("ss", ["-Hltnp", "sport", "=", `:${port}`]);
  const taken = [host, "0.0.0.0", "*", "[::]"].map((address) => `${address}:${port}`);
  const lines = stdout
    .split("\n")
    .filter((line) => host === "0.0.0.0" || line.split(/\s+/).some((word) => taken.includes(word)));
  const holders = [...lines.join("\n").matchAll(/\("([^"]+)",pid=(\d+)/g)].map(
    ([, name, pid]) => `${name} (pid ${pid})`,
  );
  if (holders.length === 0) return lines.join("") === "" ? undefined : "a process that ss can't name";
  return [...new Set(holders)].join(", ");
}

const precondition = (message: string): AppError => new AppError({ code: "failed_precondition", message });
