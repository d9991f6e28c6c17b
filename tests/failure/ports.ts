import { createServer, type RequestListener, type Server } from "node:http";
import { vi } from "vitest";

/** Listens as another program would, as soon as the kernel has closed what a killed process has left open there. */
export const takePort = (
  port: number,
  answer: RequestListener = (_, response) => response.end(),
): Promise<Server> =>
  vi.waitFor(
    () => {
      const { promise, resolve, reject } = Promise.withResolvers<Server>();
      const server = createServer(answer);
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => resolve(server));
      return promise;
    },
    { timeout: 10_000, interval: 50 },
  );

/** Returns when the port is free again. */
export const givePort = (server: Server): Promise<unknown> => new Promise((resolve) => server.close(resolve));
