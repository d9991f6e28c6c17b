import type { Libc } from "../runtime/runtime.ts";
import { syscallNumber } from "./syscalls.ts";

const CLOCK_REALTIME = 0;

/** Sets the machine's clock, where that is allowed; elsewhere nothing happens. */
export function setClock(libc: Libc, unixMs: number): void {
  const seconds = BigInt(Math.floor(unixMs / 1000));
  const nanoseconds = BigInt(Math.floor((unixMs % 1000) * 1e6));
  libc.syscall(syscallNumber("clockSettime"), CLOCK_REALTIME, BigInt64Array.of(seconds, nanoseconds));
}
