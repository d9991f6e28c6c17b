import { createServer } from "node:net";
import { once } from "node:events";
import { hasCode } from "./libc.ts";

export interface HeldName {
  release(): void;
}

/**
 * Takes a name that one process of this network namespace can have at a time; the kernel lets go of it when the process
 * ends, however. undefined when another process has it. (An abstract socket: there is no file to be left over.)
 */
export async function holdName(name: string): Promise<HeldName | undefined> {
  const server = createServer((socket) => socket.destroy());
  server.listen({ path: `\0${name}` });
  try {
    await once(server, "listening");
  } catch (error) {
    if (hasCode(error, "EADDRINUSE")) return undefined;
    throw error;
  }
  // It is no reason for the process to go on.
  server.unref();
  return { release: () => void server.close() };
}
