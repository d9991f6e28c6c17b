import { setNeighbour } from "@sandbank/linux/neighbour";
import { guest, hostSourceAddress, type NetworkIdentity, router, type SlotNames } from "./addresses.ts";

/** The three namespaces that a slot lies in. */
export type SlotPlace = "host" | "router" | "guest";

export interface PlannedDevice {
  place: SlotPlace;
  name: string;
  /** `address/length`; the host's end has none. */
  address: string | undefined;
}

export interface PlannedRoute {
  place: SlotPlace;
  /** As `ip route` writes it: an address without /32. */
  destination: string;
  device: string;
  gateway: string | undefined;
  source: string | undefined;
}

export interface PlannedNeighbour {
  place: SlotPlace;
  address: string;
  mac: string;
  device: string;
}

export interface PlannedRule {
  /** `family table chain`, in the router's namespace. */
  chain: string;
  /** How the rule begins, as nft lists it; empty for any rule. */
  begins: string;
}

/** Everything that the kernel must hold for one slot, bottom-up: what makes slots and what examines them reads this. */
export interface SlotPlan {
  devices: PlannedDevice[];
  routes: PlannedRoute[];
  neighbours: PlannedNeighbour[];
  rules: PlannedRule[];
}

export function slotPlan(names: SlotNames, identity: NetworkIdentity): SlotPlan {
  const { hostDevice, hostAddress } = names;
  const { uplink, gateway, uplinkMac, hostMac, nextHop } = router;
  const source = hostSourceAddress(identity);
  return {
    devices: [
      { place: "host", name: hostDevice, address: undefined },
      { place: "router", name: uplink, address: `${hostAddress}/32` },
      { place: "router", name: gateway, address: `${guest.gateway}/${guest.prefixLength}` },
      { place: "guest", name: guest.device, address: `${guest.address}/${guest.prefixLength}` },
    ],
    routes: [
      { place: "host", destination: hostAddress, device: hostDevice, gateway: undefined, source },
      { place: "router", destination: nextHop, device: uplink, gateway: undefined, source: undefined },
      { place: "router", destination: "default", device: uplink, gateway: nextHop, source: undefined },
      {
        place: "guest",
        destination: "default",
        device: guest.device,
        gateway: guest.gateway,
        source: undefined,
      },
    ],
    neighbours: [
      { place: "host", address: hostAddress, mac: uplinkMac, device: hostDevice },
      { place: "router", address: nextHop, mac: hostMac, device: uplink },
      { place: "router", address: guest.address, mac: guest.mac, device: gateway },
    ],
    rules: [
      {
        chain: "ip slot_nat prerouting",
        begins: `iifname "${uplink}" ip daddr ${hostAddress} dnat to ${guest.address}`,
      },
      {
        chain: "ip slot_nat postrouting",
        begins: `oifname "${uplink}" ip saddr ${guest.address} snat to ${hostAddress}`,
      },
      { chain: "inet slot_filter forward", begins: `iifname "${uplink}" oifname "${gateway}" accept` },
      {
        chain: "inet slot_filter forward",
        begins: `iifname "${gateway}" oifname "${uplink}" ip saddr ${guest.address} jump `,
      },
      { chain: "inet slot_filter outgoing", begins: "jump egress" },
      // What it may reach is its policy's; an empty chain would be nobody's.
      { chain: "inet slot_filter egress", begins: "" },
    ],
  };
}

/** The pair between host and router, for `ip -batch` in the host's namespace. */
export const uplinkPairLine = ({ hostDevice, routerNetns }: SlotNames, mtu: number): string =>
  `link add ${hostDevice} address ${router.hostMac} mtu ${mtu} type veth peer name ${router.uplink} address ${router.uplinkMac} mtu ${mtu} netns ${routerNetns}`;

/** The pair between router and guest. */
export const guestPairLine = ({ routerNetns, guestNetns }: SlotNames, mtu: number): string =>
  `link add ${router.gateway} netns ${routerNetns} mtu ${mtu} type veth peer name ${guest.device} address ${guest.mac} mtu ${mtu} netns ${guestNetns}`;

/**
 * What brings the devices of one namespace, which are there, into the planned state. Idempotent. The host's own
 * neighbours are left to `setHostNeighbours`.
 */
export function configureLines(plan: SlotPlan, place: SlotPlace): string[] {
  const here = <T extends { place: SlotPlace }>(items: T[]): T[] =>
    items.filter((item) => item.place === place);
  return [
    ...(place === "host" ? [] : ["link set lo up"]),
    ...here(plan.devices).flatMap(({ name, address }) => [
      ...(address === undefined ? [] : [`addr replace ${address} dev ${name}`]),
      `link set ${name} up`,
    ]),
    ...here(place === "host" ? [] : plan.neighbours).map(
      ({ address, mac, device }) => `neigh replace ${address} lladdr ${mac} dev ${device} nud permanent`,
    ),
    ...here(plan.routes).map((route) => routeLine(route)),
  ];
}

/** Once the device is there. Not by `ip`, which reads all devices of the host for that. Idempotent. */
export function setHostNeighbours(plan: SlotPlan): void {
  for (const neighbour of plan.neighbours) if (neighbour.place === "host") setNeighbour(neighbour);
}

function routeLine({ destination, device, gateway, source }: PlannedRoute): string {
  const via = gateway === undefined ? "" : ` via ${gateway}`;
  const from = source === undefined ? "" : ` src ${source}`;
  return `route replace ${destination}${via} dev ${device}${from}`;
}
