import type { Socket } from "node:net";
import { resetSocket } from "@sandbank/protocol/reset-socket";

/** Finds peers that went away without a word. */
const probeIdleMs = 60_000;

/**
 * Bytes both ways, each direction ending by itself; a failure of one end is a reset of the other. `watch` sees what the
 * client sends before the upstream does: `cut` ends the connection, `pass` lets everything from then on go by unseen.
 */
export function join(
  client: Socket,
  upstream: Socket,
  initial: Buffer,
  watch?: (chunk: Buffer) => "more" | "pass" | "cut",
): void {
  const cut = (): void => {
    resetSocket(client);
    resetSocket(upstream);
  };
  for (const [socket, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, probeIdleMs);
    socket.on("error", cut);
    // An end that said all it had to say leaves the other one the time to take it.
    socket.on("close", () => {
      if (socket.readableEnded && other.writableEnded && !other.destroyed) other.destroySoon();
      else cut();
    });
  }
  if (client.destroyed || upstream.destroyed) {
    cut();
    return;
  }
  if (initial.length > 0) upstream.write(initial);
  const onData = (chunk: Buffer): void => {
    const verdict = watch?.(chunk) ?? "pass";
    if (verdict === "cut") cut();
    if (verdict !== "more") client.off("data", onData);
  };
  if (watch) client.on("data", onData);
  client.pipe(upstream);
  upstream.pipe(client);
}
