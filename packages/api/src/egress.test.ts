import { rootCertificates } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromEgressMessage } from "@sandbank/protocol/egress-message";
import type { EgressPolicy } from "@sandbank/protocol/egress-policy";
import { TestApi } from "./testing/test-api.ts";

let t: TestApi;
beforeAll(async () => {
  t = await TestApi.start();
});
afterAll(() => t.close());

const open = { allowRanges: [], allowDomains: [], denyRanges: [], rules: [] };

async function policyOf(body: Record<string, unknown>): Promise<EgressPolicy> {
  await t.create(body);
  const message = t.node.configs.at(-1)?.egress;
  if (!message) throw new Error("the node got no policy");
  return fromEgressMessage(message);
}

test("a create's network fields become one policy for the node", async () => {
  expect(await policyOf({})).toEqual(open);
  expect(
    await policyOf({ network: { allowOut: null, denyOut: null, rules: null, egressProxy: null } }),
  ).toEqual(open);
  expect(
    await policyOf({
      network: {
        allowOut: ["203.0.113.9/24", "8.8.4.4", "API.example.com.", "*.Example.org", "2001:db8::/32"],
        denyOut: ["0.0.0.0/0"],
        dnsServers: ["9.9.9.9"],
        egressProxy: {
          address: "Proxy.example.com:1080",
          username: "u",
          password: "p",
          tls: { enabled: true, serverName: "proxy.example.net" },
        },
        rules: {
          "*.com": [{ transform: { headers: { A: "1" } } }],
          "*.Example.com": [{ transform: { headers: {} } }],
          "api.example.com": [{ transform: { headers: { Authorization: "Bearer x" } } }],
        },
      },
    }),
  ).toEqual({
    allowRanges: ["203.0.113.0/24", "8.8.4.4/32"],
    allowDomains: ["api.example.com", "*.example.org"],
    denyRanges: ["0.0.0.0/0"],
    dnsServers: ["9.9.9.9"],
    proxy: {
      host: "proxy.example.com",
      port: 1080,
      username: "u",
      password: "p",
      tls: { serverName: "proxy.example.net", ca: undefined },
    },
    rules: [
      { domain: "api.example.com", headers: { Authorization: "Bearer x" } },
      { domain: "*.example.com", headers: {} },
      { domain: "*.com", headers: { A: "1" } },
    ],
  });
  expect(
    await policyOf({ network: { allowOut: ["example.com"] }, allow_internet_access: false }),
  ).toMatchObject({
    allowDomains: ["example.com"],
    denyRanges: ["0.0.0.0/0"],
  });
  expect(await policyOf({ network: { denyOut: ["::/0"] } })).toMatchObject({ denyRanges: ["0.0.0.0/0"] });
});

let running: Promise<string> | undefined;
const rule = (headers: Record<string, string>) => [{ transform: { headers } }];
const many = (count: number, make: (index: number) => string) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [make(index), "v"]));

test.each<[string, object, string]>([
  ["domains without a closed rest", { allowOut: ["example.com"] }, '"0.0.0.0/0"'],
  ["domains with another rest", { allowOut: ["example.com"], denyOut: ["10.0.0.0/8"] }, '"0.0.0.0/0"'],
  ["a bare wildcard", { allowOut: ["*"], denyOut: ["0.0.0.0/0"] }, '"*"'],
  ["no range and no domain", { allowOut: ["1.2.3.4/33"] }, "1.2.3.4/33"],
  ["a URL", { allowOut: ["https://example.com"], denyOut: ["0.0.0.0/0"] }, "https://example.com"],
  ["a denied domain", { denyOut: ["example.com"] }, "is a domain"],
  ["a denied nothing", { denyOut: ["x/y"] }, "x/y"],
  ["a resolver by name", { dnsServers: ["dns.example.com"] }, "dnsServers"],
  ["a resolver over IPv6", { dnsServers: ["2001:db8::1"] }, "dnsServers"],
  ["a proxy without port", { egressProxy: { address: "proxy.example.com" } }, "egressProxy.address"],
  ["a proxy with port 0", { egressProxy: { address: "1.2.3.4:0" } }, "egressProxy.address"],
  ["a password alone", { egressProxy: { address: "1.2.3.4:1", password: "p" } }, "egressProxy.username"],
  ["a long username", { egressProxy: { address: "1.2.3.4:1", username: "u".repeat(256) } }, "255 bytes"],
  [
    "fields of disabled TLS",
    { egressProxy: { address: "1.2.3.4:1", tls: { enabled: false, serverName: "a.b" } } },
    "tls.enabled",
  ],
  [
    "a CA that is too long",
    { egressProxy: { address: "1.2.3.4:1", tls: { enabled: true, caCert: "x".repeat(8_193) } } },
    "8192 bytes",
  ],
  [
    "a CA that is none",
    { egressProxy: { address: "1.2.3.4:1", tls: { enabled: true, caCert: "x" } } },
    "caCert",
  ],
  ["a rule for everything", { rules: { "*": rule({}) } }, '"*"'],
  ["a rule for a long name", { rules: { [`${"a.".repeat(64)}b`]: rule({}) } }, "128 characters"],
  ["two entries of a rule", { rules: { "a.com": [...rule({}), ...rule({})] } }, "exactly one entry"],
  ["no entry of a rule", { rules: { "a.com": [] } }, "exactly one entry"],
  ["a name twice", { rules: { "a.com": rule({}), "A.com": rule({}) } }, "twice"],
  [
    "too many domains",
    { rules: Object.fromEntries(Object.keys(many(11, (n) => `d${n}.com`)).map((name) => [name, rule({})])) },
    "10 domains",
  ],
  ["too many headers", { rules: { "a.com": rule(many(21, (n) => `X-${n}`)) } }, "20 headers"],
  ["a long header name", { rules: { "a.com": rule({ [`x${"a".repeat(64)}`]: "v" }) } }, "64 characters"],
  ["a long header value", { rules: { "a.com": rule({ X: "a".repeat(2049) }) } }, "2048 characters"],
  ["a line break in a value", { rules: { "a.com": rule({ X: "a\r\nY: b" }) } }, "header value"],
  ["a framing header", { rules: { "a.com": rule({ "Transfer-Encoding": "chunked" }) } }, "Transfer-Encoding"],
])("%s is refused with 400", async (_what, network, part) => {
  running ??= t.create({});
  const id = await running;
  for (const answer of [
    await t.call("POST", "/v2/sandboxes", { templateID: "base", network }),
    await t.call("PUT", `/sandboxes/${id}/network`, network),
  ]) {
    expect(answer.status).toBe(400);
    expect(answer.body["message"]).toContain("validation error: ");
    expect(answer.body["message"]).toContain(part);
  }
});

test("an update replaces everything that says where the sandbox may go, and nothing else", async () => {
  const id = await t.create({
    network: { allowPublicTraffic: false, allowOut: ["1.1.1.1"], denyOut: ["0.0.0.0/0"] },
  });
  const egressProxy = {
    address: "192.0.2.1:1080",
    username: "u",
    password: "secret",
    tls: { enabled: true, serverName: "proxy.example", caCert: rootCertificates[0] },
  };
  const put = await t.call("PUT", `/sandboxes/${id}/network`, { denyOut: ["9.9.9.9"], egressProxy });
  expect(put.status).toBe(204);
  expect(t.node.policies.get(id)).toMatchObject({
    ...open,
    denyRanges: ["9.9.9.9/32"],
    proxy: { password: "secret" },
  });
  const detail = (await t.call("GET", `/sandboxes/${id}`)).body;
  expect(detail["network"]).toEqual({
    allowPublicTraffic: false,
    denyOut: ["9.9.9.9"],
    egressProxy: {
      address: "192.0.2.1:1080",
      username: "u",
      tls: { enabled: true, serverName: "proxy.example" },
    },
  });
  expect(detail["allowInternetAccess"]).toBeNull();

  await t.call("PUT", `/sandboxes/${id}/network`, { allow_internet_access: false });
  expect(t.node.policies.get(id)).toEqual({ ...open, denyRanges: ["0.0.0.0/0"] });
  const closed = (await t.call("GET", `/sandboxes/${id}`)).body;
  expect([closed["network"], closed["allowInternetAccess"]]).toEqual([{ allowPublicTraffic: false }, false]);
});

test("an update of a sandbox that is not there is a 404", async () => {
  expect((await t.call("PUT", "/sandboxes/i00000000000000000000/network", {})).status).toBe(404);
  const id = await t.create({});
  await t.call("DELETE", `/sandboxes/${id}`);
  expect((await t.call("PUT", `/sandboxes/${id}/network`, {})).status).toBe(404);
});
