import { dlopen, getInt32 } from "node:ffi";
import { constants } from "node:os";

/**
 * The C library, called directly: no helper program, no native addon. Everything here runs on the calling thread
 * and blocks it, so only calls that the kernel answers at once belong here.
 */
const { functions } = dlopen("libc.so.6", {
  __errno_location: { arguments: [], return: "pointer" },
  mount: { arguments: ["string", "string", "string", "uint64", "string"], return: "int32" },
  umount2: { arguments: ["string", "int32"], return: "int32" },
  pipe2: { arguments: ["buffer", "int32"], return: "int32" },
  fcntl: { arguments: ["int32", "int32", "int32"], return: "int32" },
  splice: { arguments: ["int32", "pointer", "int32", "pointer", "uint64", "uint32"], return: "int64" },
  socket: { arguments: ["int32", "int32", "int32"], return: "int32" },
  ioctl: { arguments: ["int32", "uint64", "buffer"], return: "int32" },
  lseek: { arguments: ["int32", "int64", "int32"], return: "int64" },
  copy_file_range: {
    arguments: ["int32", "buffer", "int32", "buffer", "uint64", "uint32"],
    return: "int64",
  },
  sendto: { arguments: ["int32", "buffer", "uint64", "int32", "buffer", "uint32"], return: "int64" },
  getsockopt: { arguments: ["int32", "int32", "int32", "buffer", "buffer"], return: "int32" },
  setns: { arguments: ["int32", "int32"], return: "int32" },
  prctl: { arguments: ["int32", "uint64", "uint64", "uint64", "uint64"], return: "int32" },
  sched_setscheduler: { arguments: ["int32", "int32", "buffer"], return: "int32" },
  mkdirat: { arguments: ["int32", "string", "uint32"], return: "int32" },
  setfsuid: { arguments: ["uint32"], return: "int32" },
  setfsgid: { arguments: ["uint32"], return: "int32" },
  capget: { arguments: ["buffer", "buffer"], return: "int32" },
  capset: { arguments: ["buffer", "buffer"], return: "int32" },
  // System calls that older C libraries have no wrapper for; numbers above 423 are the same on every architecture.
  syscall: {
    arguments: ["int64", "int64", "pointer", "uint64", "pointer", "uint64", "uint64"],
    return: "int64",
  },
});

export const libc = functions;

/** Where the C library keeps this thread's errno; every JavaScript thread loads this module for itself. */
const errnoPointer = functions.__errno_location();

/** Of two names for a number the first: EAGAIN, ENOTSUP, as node:fs has it. */
const errnoNames = new Map(
  Object.entries(constants.errno)
    .map(([name, number]): [number, string] => [number, name])
    .toReversed(),
);

/** A failed system call, shaped like the errors of node:fs: `code` is the name of the errno. */
export class SystemCallError extends Error {
  override readonly name = "SystemCallError";
  readonly syscall: string;
  readonly code: string;
  readonly errno: number;

  constructor(syscall: string, subject: string, errno: number) {
    const code = errnoNames.get(errno) ?? `errno ${errno}`;
    super(`${code}: ${syscall} ${subject}`.trimEnd());
    this.syscall = syscall;
    this.code = code;
    this.errno = errno;
  }
}

/**
 * Passes `result` of a call on, or throws SystemCallError when it is negative.
 * Must be given the call itself as argument: nothing may run between the call and the reading of errno.
 */
export function checked(syscall: string, subject: string, result: number | bigint): number {
  if (result >= 0) return Number(result);
  throw new SystemCallError(syscall, subject, getInt32(errnoPointer));
}

/** Errno of the call just made: for failures that are so common that an error for each would be felt. */
export const lastErrno = (): number => getInt32(errnoPointer);

/** Whether `error` is a failed call (of this module or of node:fs) with one of these errno names. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

/** `text` with the closing NUL that the kernel wants, for calls that take raw pointers. */
export function cString(text: string): Buffer {
  if (text.includes("\0")) throw new TypeError("a path can't hold a NUL character");
  return Buffer.from(`${text}\0`);
}
