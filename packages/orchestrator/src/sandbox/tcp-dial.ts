import { connect } from "node:net";

/** "connected", or the error code of the attempt; one without any answer in time is "no answer". */
export function tcpDial(host: string, port: number, timeoutMs: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ host, port });
  const finish = (result: string): void => {
    clearTimeout(timer);
    socket.destroy();
    resolve(result);
  };
  const timer = setTimeout(() => finish("no answer"), timeoutMs);
  socket.on("connect", () => finish("connected"));
  socket.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
  return promise;
}
