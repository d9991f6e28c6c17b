import type { Socket } from "node:net";

/**
 * Ends a connection so that the other end sees a failure and not an orderly end. A connection that has begun its orderly
 * end is only closed: Node can't reset it any more, reports EINVAL, and loses the handle for good, so that even the
 * process never exits.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
