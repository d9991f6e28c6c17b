import { connect, createServer, type Server, type Socket } from "node:net";

/** Programs that listen on one of the two count as listening on loopback. */
const loopbackAddresses = ["127.0.0.1", "::1"];
/** A caller that does not name its port in time is none (ms). */
const greetingTimeoutMs = 5_000;
/** `65535` and a line end. */
const longestGreeting = 6;

/**
 * Lets the edge reach programs that listen only on this sandbox's loopback: a caller sends `PORT\n`, gets `+` when the
 * program took the connection or `-` when nothing listens, and from then on speaks with the program. A connection
 * costs nothing while nobody uses it, so there is no process and no listener per port.
 */
export function createLoopbackBridge(): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (caller) => {
    caller.on("error", () => caller.destroy());
    caller.setTimeout(greetingTimeoutMs, () => caller.destroy());
    let greeting = "";
    const onData = (chunk: Buffer): void => {
      greeting += chunk.toString("latin1");
      const end = greeting.indexOf("\n");
      if (end < 0 && greeting.length < longestGreeting) return;
      caller.off("data", onData);
      caller.pause();
      caller.setTimeout(0);
      const port = /^([1-9]\d{0,4})$/.exec(greeting.slice(0, Math.max(end, 0)))?.[1];
      // The caller waits for the answer before it says more, so that what follows the line is no part of a stream.
      if (port === undefined || end !== greeting.length - 1) caller.destroy();
      else join(caller, Number(port), loopbackAddresses);
    };
    caller.on("data", onData);
  });
}

function join(caller: Socket, port: number, addresses: string[]): void {
  const [host, ...others] = addresses;
  if (host === undefined) {
    caller.end("-");
    return;
  }
  const program = connect({ host, port, allowHalfOpen: true, noDelay: true });
  const onRefused = (): void => {
    program.destroy();
    join(caller, port, others);
  };
  program.once("error", onRefused);
  program.once("connect", () => {
    program.off("error", onRefused);
    program.on("error", () => caller.destroy());
    caller.on("close", () => program.destroy());
    program.on("close", () => caller.destroySoon());
    caller.write("+");
    program.pipe(caller);
    caller.pipe(program);
  });
}
