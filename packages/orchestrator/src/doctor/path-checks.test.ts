import { describe, expect, test } from "vitest";
import type { NetworkState } from "@sandbank/linux/ip";
import { slotNames } from "../network/addresses.ts";
import { type SlotPlace, slotPlan } from "../network/slot-plan.ts";
import { hasAllRules, pathChecks, suspectRules } from "./path-checks.ts";
import type { SlotReading } from "./slot-reading.ts";

const identity = { tag: "sb", hostPrefix: "10.11" };
const names = slotNames(identity, 3);
const plan = slotPlan(names, identity);

/** What the kernel holds when everything is as planned. */
function wellReading(): SlotReading {
  const place = (where: SlotPlace): NetworkState => ({
    links: plan.devices
      .filter((device) => device.place === where)
      .map(({ name, address }) => ({
        name,
        up: true,
        carrier: true,
        mac: "",
        addresses: address === undefined ? [] : [address],
      })),
    routes: plan.routes.filter((route) => route.place === where),
    neighbours: plan.neighbours.filter((neighbour) => neighbour.place === where),
  });
  const chains = [...new Set(plan.rules.map(({ chain }) => chain))].map((chain) => ({
    chain,
    hook: undefined,
    rules: plan.rules.filter((rule) => rule.chain === chain).map(({ begins }) => `${begins}outgoing`),
  }));
  return {
    places: { host: place("host"), router: place("router"), guest: place("guest") },
    placeNames: { host: "the host", router: names.routerNetns, guest: names.guestNetns },
    guestNameGone: false,
    chains,
    forwards: true,
  };
}

/** The first layer that is not well, with its words. */
function firstTrouble(reading: SlotReading, ownNetworkStack = false) {
  for (const [layer, check] of pathChecks) {
    const finding = check({ plan, reading, ownNetworkStack });
    if (!finding.ok) return { layer, ...finding };
  }
  return undefined;
}

const link = (reading: SlotReading, place: SlotPlace, name: string) => {
  const found = reading.places[place]?.links.find((each) => each.name === name);
  if (!found) throw new Error(`no ${name}`);
  return found;
};

describe("a slot as planned", () => {
  test.each([false, true])("has no trouble (own network stack: %s)", (ownNetworkStack) => {
    expect(firstTrouble(wellReading(), ownNetworkStack)).toBeUndefined();
    expect(hasAllRules({ plan, reading: wellReading() })).toBe(true);
    expect(suspectRules(wellReading())).toEqual([]);
  });
});

describe("each fault is found at its layer, with the device or rule that is missing", () => {
  const faults: [fault: string, layer: string, evidence: string, spoil: (reading: SlotReading) => void][] = [
    [
      "the router's namespace is gone",
      "device",
      "namespace sb-r-3 does not exist",
      (reading) => {
        reading.places.router = undefined;
      },
    ],
    [
      "a device is gone",
      "device",
      "no device gw in sb-r-3; it holds upl",
      (reading) => {
        reading.places.router?.links.pop();
      },
    ],
    [
      "the guest's namespace lost its name",
      "device",
      "/run/netns/sb-g-3 is gone",
      (reading) => {
        reading.guestNameGone = true;
      },
    ],
    [
      "a device is down",
      "link",
      "eth0 (sb-g-3) is down",
      (reading) => {
        Object.assign(link(reading, "guest", "eth0"), { up: false, carrier: false });
      },
    ],
    [
      "nobody is at the other end",
      "carrier",
      "sbh3 (the host) reads NO-CARRIER",
      (reading) => {
        link(reading, "host", "sbh3").carrier = false;
      },
    ],
    [
      "an address is gone",
      "address",
      "gw (sb-r-3) lacks 169.254.0.22/30; it holds no address",
      (reading) => {
        link(reading, "router", "gw").addresses = [];
      },
    ],
    [
      "a route is gone",
      "route",
      'no route "10.11.0.3 dev sbh3" in the host',
      (reading) => {
        reading.places.host?.routes.pop();
      },
    ],
    [
      "a route goes elsewhere",
      "route",
      'no route "default via 169.254.0.1 dev upl" in sb-r-3',
      (reading) => {
        const route = reading.places.router?.routes.find(({ destination }) => destination === "default");
        Object.assign(route ?? {}, { gateway: "169.254.0.9" });
      },
    ],
    [
      "a neighbour is gone",
      "route",
      "no neighbour",
      (reading) => {
        reading.places.router?.neighbours.pop();
      },
    ],
    [
      "a rule is gone",
      "route",
      "dnat to 169.254.0.21",
      (reading) => {
        reading.chains.shift();
      },
    ],
    [
      "the policy's rules are gone",
      "route",
      'no rule at all in chain "inet slot_filter egress" of sb-r-3',
      (reading) => {
        const egress = reading.chains.find(({ chain }) => chain.endsWith(" egress"));
        Object.assign(egress ?? {}, { rules: [] });
      },
    ],
    [
      "forwarding is off",
      "route",
      "ip_forward is 0 in sb-r-3",
      (reading) => {
        reading.forwards = false;
      },
    ],
  ];
  test.each(faults)("%s", (_fault, layer, evidence, spoil) => {
    const reading = structuredClone(wellReading());
    spoil(reading);
    const trouble = firstTrouble(reading);
    expect(trouble?.layer).toBe(layer);
    expect(trouble?.evidence).toContain(evidence);
  });
});

test("where the guest has a network stack of its own, its addresses are not looked for, and its device is lost for good", () => {
  const reading = wellReading();
  link(reading, "guest", "eth0").addresses = [];
  if (reading.places.guest) reading.places.guest.routes = [];
  expect(firstTrouble(reading, true)).toBeUndefined();
  expect(firstTrouble(reading, false)?.layer).toBe("address");
  link(reading, "guest", "eth0").up = false;
  expect(firstTrouble(reading, true)?.remedy).toContain("create another");
  expect(firstTrouble(reading, false)?.remedy).toBeUndefined();
});

test("rules that drop on the way in and rules in foreign tables are suspects", () => {
  const reading = wellReading();
  reading.chains.push(
    { chain: "inet slot_filter forward", hook: undefined, rules: ["tcp dport 49983 drop"] },
    { chain: "ip mine in", hook: undefined, rules: ["counter"] },
    { chain: "inet slot_filter refuse", hook: undefined, rules: ["meta l4proto tcp reject with tcp reset"] },
  );
  expect(suspectRules(reading)).toEqual([
    '"tcp dport 49983 drop" in chain "inet slot_filter forward" of sb-r-3',
    '"counter" in chain "ip mine in" of sb-r-3',
  ]);
});
