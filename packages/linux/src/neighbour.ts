import { closeSync } from "node:fs";
import { checked, libc } from "./libc.ts";

const socketFamily = { inet: 2, datagram: 2 };
const setArpEntry = 0x8955n;
/** Complete, and permanent. */
const entryFlags = 0x02 | 0x04;
const ethernet = 1;

/** Offsets in `struct arpreq` (linux/if_arp.h). */
const layout = { size: 68, family: 0, address: 4, hardwareFamily: 16, mac: 18, flags: 32, device: 52 };

export interface Neighbour {
  /** IPv4 */
  address: string;
  /** `02:fb:00:00:00:02` */
  mac: string;
  device: string;
}

/**
 * Gives the host's namespace a permanent neighbour entry, which goes with the device. `ip neigh` would first have the
 * kernel tell it of every device there is: 6 µs for each sandbox on the machine. Throws SystemCallError.
 */
export function setNeighbour({ address, mac, device }: Neighbour): void {
  const request = Buffer.alloc(layout.size);
  request.writeUInt16LE(socketFamily.inet, layout.family);
  request.set(address.split(".").map(Number), layout.address);
  request.writeUInt16LE(ethernet, layout.hardwareFamily);
  request.set(
    mac.split(":").map((byte) => Number.parseInt(byte, 16)),
    layout.mac,
  );
  request.writeInt32LE(entryFlags, layout.flags);
  // The last of its 16 bytes stays NUL.
  request.write(device, layout.device, 15);
  const fd = checked("socket", "", libc.socket(socketFamily.inet, socketFamily.datagram, 0));
  try {
    checked("ioctl SIOCSARP", `${address} on ${device}`, libc.ioctl(fd, setArpEntry, request));
  } finally {
    closeSync(fd);
  }
}
