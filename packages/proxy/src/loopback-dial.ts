import { connect, type Socket } from "node:net";
import { loopbackBridgePort } from "@sandbank/protocol/headers";

/** For the daemon's answer; it sits one connection away from the program (ms). */
const answerTimeoutMs = 5_000;

/**
 * A connection to a program that listens only on its sandbox's loopback, through the sandbox's daemon. Fails with the
 * code ECONNREFUSED when nothing listens there either.
 */
export function dialLoopback(
  hostAddress: string,
  port: number,
  done: (error: Error | null, socket?: Socket) => void,
): Socket {
  const socket = connect({ host: hostAddress, port: loopbackBridgePort, allowHalfOpen: true, noDelay: true });
  const fail = (message: string, code: string): void => {
    socket.destroy();
    done(Object.assign(new Error(message), { code }));
  };
  const onError = (error: Error): void => done(error);
  const onClose = (): void => fail("the daemon closed the connection", "ECONNREFUSED");
  const onTimeout = (): void => fail(`the daemon did not answer within ${answerTimeoutMs} ms`, "ETIMEDOUT");
  const onReadable = (): void => {
    // One byte and no more: what follows it belongs to the program's stream.
    const answer = socket.read(1) as Buffer | null;
    if (answer === null) return;
    socket.off("error", onError).off("close", onClose).off("timeout", onTimeout).off("readable", onReadable);
    socket.setTimeout(0);
    if (answer.toString() === "+") done(null, socket);
    else fail(`nothing listens on port ${port}`, "ECONNREFUSED");
  };
  socket.setTimeout(answerTimeoutMs);
  socket.on("error", onError).on("close", onClose).on("timeout", onTimeout).on("readable", onReadable);
  socket.write(`${port}\n`);
  return socket;
}
