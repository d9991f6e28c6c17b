import { AppError } from "@sandbank/core/errors";

/** Every guest has the same address, so that a snapshot can be restored in any slot. */
export const guest = {
  address: "169.254.0.21",
  gateway: "169.254.0.22",
  prefixLength: 30,
  mac: "02:fc:00:00:00:05",
  device: "eth0",
} as const;

/** The router namespace's two devices: towards the host and towards the guest. */
export const router = {
  uplink: "upl",
  gateway: "gw",
  uplinkMac: "02:fb:00:00:00:02",
  hostMac: "02:fb:00:00:00:01",
  /** What the router's default route points at; a permanent neighbour, on no device as an address. */
  nextHop: "169.254.0.1",
} as const;

/** Names one cloud's traces in the kernel, so that two clouds on one machine never touch each other's. */
export interface NetworkIdentity {
  /** 1–4 lower-case letters or digits; begins every namespace, device and table name. */
  tag: string;
  /** First two numbers of the /16 for host-side addresses, e.g. `10.11`. */
  hostPrefix: string;
}

export interface SlotNames {
  index: number;
  hostDevice: string;
  routerNetns: string;
  guestNetns: string;
  /** Unique on this host; the kernel rewrites it to the guest's. */
  hostAddress: string;
}

/** Slot numbers run from 1 to this; 10.x.255.* is left for the host's own address. */
export const maxSlotIndex = 255 * 256 - 1;

export function slotNames(identity: NetworkIdentity, index: number): SlotNames {
  if (!Number.isInteger(index) || index < 1 || index > maxSlotIndex) {
    throw new AppError({ code: "internal", message: `slot number ${index} is out of range` });
  }
  return {
    index,
    hostDevice: `${identity.tag}h${index}`,
    routerNetns: `${identity.tag}-r-${index}`,
    guestNetns: `${identity.tag}-g-${index}`,
    hostAddress: `${identity.hostPrefix}.${index >> 8}.${index & 255}`,
  };
}

/** Source address of the host's own traffic into sandboxes. */
export const hostSourceAddress = (identity: NetworkIdentity): string => `${identity.hostPrefix}.255.254`;

/** Where the egress forwarder listens, on the host's source address: below the range that programs get by chance. */
export const forwarderPort = 5016;

export const hostTable = (identity: NetworkIdentity): string => `sandbank_${identity.tag}`;

export const hostDevicePattern = (identity: NetworkIdentity): string => `${identity.tag}h*`;

/** The slot number in a namespace or device name of this identity; undefined for foreign names. */
export function slotIndexOf(identity: NetworkIdentity, name: string): number | undefined {
  const match = new RegExp(`^${identity.tag}(?:h|-r-|-g-)([0-9]{1,5})$`).exec(name);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}
