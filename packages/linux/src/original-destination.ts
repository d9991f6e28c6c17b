import type { Socket } from "node:net";
import { checked, libc } from "./libc.ts";

const ipLevel = 0;
const originalDestinationOption = 80;

export interface Destination {
  /** IPv4. */
  address: string;
  port: number;
}

/** The descriptor of a connected socket; Node keeps it, and has no name for it that is meant for others. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle: { fd: number } | null };
  if (!handle || handle.fd < 0) throw new Error("the socket has no descriptor any more");
  return handle.fd;
}

/** Where an accepted IPv4 connection was going before a NAT rule brought it here. Throws when none did, or it is closed. */
export function originalDestination(socket: Socket): Destination {
  const address = Buffer.alloc(16);
  const length = Buffer.alloc(4);
  length.writeInt32LE(address.length);
  const fd = descriptorOf(socket);
  checked(
    "getsockopt",
    "SO_ORIGINAL_DST",
    libc.getsockopt(fd, ipLevel, originalDestinationOption, address, length),
  );
  return { address: [...address.subarray(4, 8)].join("."), port: address.readUInt16BE(2) };
}
