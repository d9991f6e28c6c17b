import { parseArgs } from "node:util";
import { errorText } from "@sandbank/core/errors";
import { envdPort, loopbackBridgePort } from "@sandbank/protocol/headers";
import { createDaemon } from "./daemon.ts";
import { lineLogger } from "./line-logger.ts";
import { createLoopbackBridge } from "./ports/loopback-bridge.ts";
import type { Runtime } from "./runtime/runtime.ts";
import { version } from "./version.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: String(envdPort) },
    "bridge-port": { type: "string", default: String(loopbackBridgePort) },
    host: { type: "string", default: "0.0.0.0" },
    "default-user": { type: "string", default: "root" },
    "owns-clock": { type: "boolean", default: false },
    version: { type: "boolean", default: false },
  },
});

/** After a start, before memory is given back: the first request of a fresh sandbox is not to wait for it. */
const settleMs = 500;
/** Without a request: then a millisecond more for the next one is worth what can be given back. */
const idleMs = 30_000;

async function loadRuntime(): Promise<Runtime> {
  const module = process.versions["bun"] ? import("./runtime/bun.ts") : import("./runtime/node.ts");
  return (await module).runtime;
}

async function main(): Promise<void> {
  if (values.version) {
    console.log(version);
    return;
  }
  process.umask(0o022);
  const logger = lineLogger(process.stderr);
  const runtime = await loadRuntime();
  const server = createDaemon({
    runtime,
    logger,
    defaultUser: values["default-user"],
    ownsClock: values["owns-clock"],
  });
  server.on("error", (error) => {
    logger.error({ error: error.message, host: values.host, port: values.port }, "cannot listen");
    process.exit(1);
  });
  server.listen({ port: Number(values.port), host: values.host }, () => {
    logger.info({ version, address: server.address() }, "listening");
    const rest = () => runtime.collectGarbage();
    // What only the start needed, and later what a burst of requests has left.
    setTimeout(rest, settleMs).unref();
    const idle = setTimeout(rest, idleMs).unref();
    // The node asks for health again and again: that leaves nothing to give back.
    server.on("request", ({ url }) => void (url === "/health" || idle.refresh()));
  });
  const bridge = createLoopbackBridge();
  bridge.on("error", (error) => {
    // Without it programs on loopback are out of reach; everything else works.
    logger.error({ error: error.message, port: values["bridge-port"] }, "cannot bridge to loopback");
  });
  bridge.listen({ port: Number(values["bridge-port"]), host: values.host });
  process.on("exit", () => logger.flush());
  process.on("SIGTERM", () => process.exit(0));
  // One failed request must not take the sandbox's other processes and streams with it.
  const survive = (error: unknown): void => logger.error({ error: errorText(error) }, "unexpected error");
  process.on("uncaughtException", survive);
  process.on("unhandledRejection", survive);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
