/** The processes around the client of this bench; the first argument says which one to be. */
import { createServer } from "node:http";
import { once } from "node:events";
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from "node:net";
import { silentLogger } from "@sandbank/core/logger";
import { createProxy } from "@sandbank/proxy/server";
import { WebSocketServer } from "ws";

const chunk = Buffer.alloc(64 * 1024);
const hostAddress = "127.0.0.2";
const servicePort = 49_983;
/** Ports other than the daemon's may become WebSockets. */
const socketPort = 49_980;

async function portOf(server: Server): Promise<number> {
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function startService(): Promise<number> {
  const server = createServer((request, response) => {
    const sizeMib = /^\/download\/(\d+)$/.exec(request.url ?? "")?.[1];
    if (sizeMib === undefined) {
      if (request.url === "/upload") request.resume().on("end", () => response.end());
      else request.pipe(response);
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
  const sockets = createServer();
  new WebSocketServer({ server: sockets }).on("connection", (socket) =>
    socket.on("message", (data) => socket.send(data)),
  );
  await portOf(sockets.listen(socketPort, hostAddress, 2048));
  return portOf(server.listen(servicePort, hostAddress));
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

/** The least that a Node process in the middle can do: no HTTP, no rules. */
function startPipe(): Promise<number> {
  const server = createTcpServer({ allowHalfOpen: true }, (client) => {
    const service = connect({ port: servicePort, host: hostAddress, allowHalfOpen: true });
    client.pipe(service).pipe(client);
    client.on("error", () => service.destroy());
    service.on("error", () => client.destroy());
  });
  return portOf(server.listen(0, "127.0.0.1"));
}

const roles: Record<string, () => Promise<number>> = {
  service: startService,
  edge: startEdge,
  pipe: startPipe,
};
const port = await roles[process.argv[2] ?? ""]?.();
process.send?.({ port });
process.on("disconnect", () => process.exit());
