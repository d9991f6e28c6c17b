import { dlopen, getCurrentEventLoop, getRawPointer } from "node:ffi";

/**
 * libuv's poll handles, which Node uses for its own sockets and exports for native addons: they tell on this thread's
 * event loop when a descriptor can be read or written, and leave the reading and writing to us.
 */
const { lib, functions: uv } = dlopen(null, {
  uv_handle_size: { arguments: ["int32"], return: "uint64" },
  uv_poll_init: { arguments: ["uint64", "buffer", "int32"], return: "int32" },
  uv_poll_start: { arguments: ["buffer", "int32", "pointer"], return: "int32" },
  uv_poll_stop: { arguments: ["buffer"], return: "int32" },
  uv_close: { arguments: ["buffer", "pointer"], return: "void" },
});

const pollHandleType = 8;
const handleBytes = Number(uv.uv_handle_size(pollHandleType));
const events = { readable: 1, writable: 2 } as const;

/** By the address of the handle's memory, which libuv knows until it says that the handle is closed. */
const open = new Map<bigint, Readiness>();

const onReady = lib.registerCallback({ arguments: ["uint64", "int32", "int32"], return: "void" }, (address) =>
  open.get(address)?.fire(),
);
const onClosed = lib.registerCallback({ arguments: ["uint64"], return: "void" }, (address) => {
  open.delete(address);
});

/** Waits for one descriptor, of a kind that epoll knows. The descriptor stays the caller's: close this first. */
export class Readiness {
  readonly #handle = Buffer.alloc(handleBytes);
  #waiting: (() => void) | undefined;
  #closed = false;

  /** Throws when libuv does not take the descriptor. */
  constructor(fd: number) {
    const status = uv.uv_poll_init(getCurrentEventLoop(), this.#handle, fd);
    if (status !== 0) throw new Error(`descriptor ${fd} can't be waited for: libuv says ${status}`);
    open.set(getRawPointer(this.#handle), this);
  }

  /**
   * Calls `ready` once when the descriptor can be read or written, or has failed. One wait at a time. That is inside a
   * call from libuv, not in a turn that Node knows of: `ready` must not throw, and leaves to `setImmediate` what others
   * are to hear of.
   */
  wait(event: keyof typeof events, ready: () => void): void {
    this.#waiting = ready;
    const status = uv.uv_poll_start(this.#handle, events[event], onReady);
    if (status !== 0) throw new Error(`a descriptor can't be waited for: libuv says ${status}`);
  }

  /** Ends a wait without calling anybody, and lets go of the descriptor. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = undefined;
    uv.uv_close(this.#handle, onClosed);
  }

  /** Called by libuv. */
  fire(): void {
    uv.uv_poll_stop(this.#handle);
    const ready = this.#waiting;
    this.#waiting = undefined;
    ready?.();
  }
}
