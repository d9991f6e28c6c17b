import type { LinkState, NetworkState } from "@sandbank/linux/ip";
import type { PlannedDevice, SlotPlan } from "../network/slot-plan.ts";
import type { SlotReading } from "./slot-reading.ts";

/** What came of looking at one layer. */
export interface Finding {
  ok: boolean;
  evidence: string;
  /** In place of the layer's own words, where more is known. */
  meaning?: string;
  remedy?: string;
  /** Not as it should be, yet the way goes on: the layers above are examined all the same. */
  degradesOnly?: true;
}

export interface PathSubject {
  plan: SlotPlan;
  reading: SlotReading;
  /** The guest keeps its addresses where the host's kernel does not see them. */
  ownNetworkStack: boolean;
}

type PathCheck = (subject: PathSubject) => Finding;

const good = (evidence: string): Finding => ({ ok: true, evidence });
const bad = (problems: string[]): Finding => ({ ok: false, evidence: problems.join("; ") });

/** Own network stacks hold their device by a handle that does not survive its end. */
export const lostForGood = {
  meaning:
    "the sandbox's own network stack has lost its device, and can't be given another: it is out of reach for good",
  remedy: "end the sandbox and create another",
};

const linkOf = (reading: SlotReading, { place, name }: PlannedDevice): LinkState | undefined =>
  reading.places[place]?.links.find((link) => link.name === name);

/** `gw (sb-r-3)`, `sbh3 (the host)` */
const where = (reading: SlotReading, { place, name }: PlannedDevice): string =>
  `${name} (${reading.placeNames[place]})`;

const deviceNames = (state: NetworkState): string => state.links.map(({ name }) => name).join(", ");

const checkDevice: PathCheck = ({ plan, reading, ownNetworkStack }) => {
  const missingPlaces = (["router", "guest"] as const).filter((place) => reading.places[place] === undefined);
  const problems = missingPlaces.map(
    (place) => `the network namespace ${reading.placeNames[place]} does not exist`,
  );
  for (const device of plan.devices) {
    const state = reading.places[device.place];
    if (state === undefined || linkOf(reading, device)) continue;
    const others = device.place === "host" ? "" : `; it holds ${deviceNames(state)}`;
    problems.push(`no device ${device.name} in ${reading.placeNames[device.place]}${others}`);
  }
  if (reading.guestNameGone) {
    problems.push(
      `/run/netns/${reading.placeNames.guest} is gone; only the sandbox's process holds the namespace`,
    );
  }
  const guestIsGone = plan.devices.some((device) => device.place === "guest" && !linkOf(reading, device));
  if (problems.length > 0)
    return { ...bad(problems), ...(guestIsGone && ownNetworkStack ? lostForGood : {}) };
  return good(plan.devices.map((device) => where(reading, device)).join(", "));
};

const checkLink: PathCheck = ({ plan, reading, ownNetworkStack }) => {
  const down = plan.devices.filter((device) => !linkOf(reading, device)?.up);
  if (down.length > 0) {
    const guestIsDown = down.some(({ place }) => place === "guest");
    return {
      ...bad(down.map((device) => `${where(reading, device)} is down: its flags lack UP`)),
      ...(guestIsDown && ownNetworkStack ? lostForGood : {}),
    };
  }
  return good("all up");
};

const checkCarrier: PathCheck = ({ plan, reading }) => {
  const without = plan.devices.filter((device) => !linkOf(reading, device)?.carrier);
  if (without.length > 0) return bad(without.map((device) => `${where(reading, device)} reads NO-CARRIER`));
  return good("all with carrier");
};

const checkAddress: PathCheck = ({ plan, reading, ownNetworkStack }) => {
  const expected = plan.devices.filter(
    ({ place, address }) => address !== undefined && !(place === "guest" && ownNetworkStack),
  );
  const problems = expected.flatMap((device) => {
    const held = linkOf(reading, device)?.addresses ?? [];
    if (held.includes(device.address ?? "")) return [];
    return [`${where(reading, device)} lacks ${device.address}; it holds ${held.join(", ") || "no address"}`];
  });
  if (problems.length > 0) return bad(problems);
  const own = ownNetworkStack ? "; the guest's own is in its own network stack" : "";
  return good(expected.map(({ name, address }) => `${name} ${address}`).join(", ") + own);
};

const checkRoute: PathCheck = ({ plan, reading, ownNetworkStack }) => {
  const visible = <T extends { place: string }>(items: T[]): T[] =>
    items.filter(({ place }) => !(place === "guest" && ownNetworkStack));
  const problems = [
    ...missingRoutes(visible(plan.routes), reading),
    ...missingNeighbours(plan, reading),
    ...missingRules(plan, reading),
    ...(reading.forwards === false ? [`net.ipv4.ip_forward is 0 in ${reading.placeNames.router}`] : []),
  ];
  if (problems.length > 0) return bad(problems);
  const counts = `${visible(plan.routes).length} routes, ${plan.neighbours.length} neighbours`;
  return good(`${counts}, ${plan.rules.length} rules of address rewriting and forwarding`);
};

const missingRoutes = (routes: SlotPlan["routes"], { places, placeNames }: SlotReading): string[] =>
  routes
    .filter(
      ({ place, destination, device, gateway }) =>
        !places[place]?.routes.some(
          (route) =>
            route.destination === destination && route.device === device && route.gateway === gateway,
        ),
    )
    .map(({ place, destination, device, gateway }) => {
      const via = gateway === undefined ? "" : ` via ${gateway}`;
      return `no route "${destination}${via} dev ${device}" in ${placeNames[place]}`;
    });

const missingNeighbours = ({ neighbours }: SlotPlan, { places, placeNames }: SlotReading): string[] =>
  neighbours
    .filter(
      ({ place, address, device, mac }) =>
        !places[place]?.neighbours.some(
          (held) => held.address === address && held.device === device && held.mac === mac,
        ),
    )
    .map(
      ({ place, address, device, mac }) =>
        `no neighbour "${address} dev ${device} lladdr ${mac} PERMANENT" in ${placeNames[place]}`,
    );

const missingRules = ({ rules }: SlotPlan, { chains, placeNames }: SlotReading): string[] =>
  rules
    .filter(
      ({ chain, begins }) =>
        !chains.some((held) => held.chain === chain && held.rules.some((rule) => rule.startsWith(begins))),
    )
    .map(({ chain, begins }) => {
      const rule = begins === "" ? "no rule at all" : `no rule "${begins.trim()}"`;
      return `${rule} in chain "${chain}" of ${placeNames.router}`;
    });

export const hasAllRules = ({ plan, reading }: Pick<PathSubject, "plan" | "reading">): boolean =>
  missingRules(plan, reading).length === 0;

/** The layers that the kernel alone can tell of, bottom-up. */
export const pathChecks = [
  ["device", checkDevice],
  ["link", checkLink],
  ["carrier", checkCarrier],
  ["address", checkAddress],
  ["route", checkRoute],
] as const satisfies [string, PathCheck][];

/** Rules that drop or refuse on the way in, or that are in no table of ours: a hint where packets go that go nowhere. */
export function suspectRules({ chains, placeNames }: SlotReading): string[] {
  const ours = new Set(["ip slot_nat", "inet slot_filter"]);
  return chains.flatMap(({ chain, rules }) => {
    const isOurs = ours.has(chain.split(" ").slice(0, 2).join(" "));
    const suspects = isOurs
      ? rules.filter((rule) => chain.endsWith(" forward") && /\b(drop|reject)\b/.test(rule))
      : rules;
    return suspects.map((rule) => `"${rule}" in chain "${chain}" of ${placeNames.router}`);
  });
}
