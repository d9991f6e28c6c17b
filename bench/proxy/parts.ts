/** The processes around the client of this bench; the first argument says which one to be. */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { silentLogger } from "@sandbank/core/logger";
import { createProxy } from "@sandbank/proxy/server";

const chunk = Buffer.alloc(64 * 1024);
const hostAddress = "127.0.0.2";

async function startService(): Promise<number> {
  const server = createServer((request, response) => {
    const sizeMib = /^\/download\/(\d+)$/.exec(request.url ?? "")?.[1];
    if (sizeMib === undefined) {
      request.pipe(response);
      return;
    }
    let left = Number(sizeMib) * 16;
    response.writeHead(200, { "content-length": left * chunk.length });
    const more = (): void => {
      while (left-- > 0) {
        if (!response.write(chunk)) {
          response.once("drain", more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  server.listen(49_983, hostAddress);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function startEdge(): Promise<number> {
  const proxy = createProxy({
    directory: {
      lookup: (sandboxId) => ({ sandboxId, hostAddress }),
      findBySignature: () => undefined,
      onGone: () => () => undefined,
    },
    logger: silentLogger,
  });
  return (await proxy.listen({ host: "127.0.0.1", port: 0 })).port;
}

const port = process.argv[2] === "service" ? await startService() : await startEdge();
process.send?.({ port });
process.on("disconnect", () => process.exit());
