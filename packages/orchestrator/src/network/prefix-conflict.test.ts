import { expect, test } from "vitest";
import { parseRuleset } from "@sandbank/linux/nft";
import { hostRuleset } from "./rulesets.ts";
import { otherCloud, otherDevice } from "./prefix-conflict.ts";

const identity = { tag: "sb", hostPrefix: "10.11" };
const chainsOf = (tag: string, hostPrefix: string) =>
  parseRuleset(hostRuleset({ tag, hostPrefix }, []).replace(/^.*\ndelete.*\n/, ""));

test("another cloud of the same addresses is found by its table; one of others, and this one's own, are none", () => {
  expect(otherCloud(identity, chainsOf("x1", "10.11"))).toBe("the cloud with SANDBANK_TAG=x1");
  expect(otherCloud(identity, chainsOf("x1", "10.111"))).toBeUndefined();
  expect(otherCloud(identity, chainsOf("sb", "10.11"))).toBeUndefined();
});

test("a device or a route inside the addresses is found, unless it is this cloud's", () => {
  const link = (name: string, ...addresses: string[]) => ({
    name,
    up: true,
    carrier: true,
    mac: "",
    addresses,
  });
  const route = (destination: string, device: string) => ({ destination, device, gateway: undefined });
  const own = {
    links: [link("lo", "127.0.0.1/8", "10.11.255.254/32")],
    routes: [route("10.11.0.7", "sbh7")],
  };
  expect(otherDevice(identity, { ...own, neighbours: [] })).toBeUndefined();
  const lan = { links: [link("eth0", "10.11.3.4/24")], routes: [], neighbours: [] };
  expect(otherDevice(identity, lan)).toBe("the device eth0 with 10.11.3.4/24");
  const routed = {
    links: [link("eth0", "10.1.3.4/8")],
    routes: [route("10.11.4.0/24", "tun0")],
    neighbours: [],
  };
  expect(otherDevice(identity, routed)).toBe("a route to 10.11.4.0/24 over tun0");
  // A wider route is only hidden where sandboxes are.
  const wide = { links: [], routes: [route("10.0.0.0/8", "eth0")], neighbours: [] };
  expect(otherDevice(identity, wide)).toBeUndefined();
});
