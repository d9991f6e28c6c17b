import { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/**
 * Ends a connection so that the other end sees a failure and not an orderly end. A connection that has begun its orderly
 * end is only closed: Node can't reset it any more, reports EINVAL, and loses the handle for good, so that even the
 * process never exits. One with TLS can't be reset; ending it without TLS' own end says the same. One inside this process (of HTTP/2) has nothing to reset.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.writableEnded || socket instanceof TLSSocket || !(socket instanceof Socket)) socket.destroy();
  else socket.resetAndDestroy();
}
