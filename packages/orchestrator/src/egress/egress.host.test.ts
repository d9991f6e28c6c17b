import { type AddressInfo, Server } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { CertificateAuthority, newServerKey } from "@sandbank/certificates/authority";
import { newSandboxId } from "@sandbank/core/ids";
import { silentLogger } from "@sandbank/core/logger";
import { listNetns } from "@sandbank/linux/netns";
import { FakeInternet, inNetns } from "@sandbank/linux/testing/fake-internet";
import { type EgressPolicy, openPolicy } from "@sandbank/protocol/egress-policy";
import { forwarderPort, hostSourceAddress, slotNames } from "../network/addresses.ts";
import { setUpHostNetwork, tearDownHostNetwork } from "../network/host-network.ts";
import { makeSlot, type Slot } from "../network/slot.ts";
import { kernelEgress } from "./kernel-egress.ts";
import { NodeEgress } from "./node-egress.ts";
import { NodeTransform } from "./transform/node-transform.ts";
import { GuestConnection } from "./testing/guest-connection.ts";
import {
  abuseScript,
  dnsScript,
  lateScript,
  pingScript,
  talkScript,
  udpEcho,
} from "./testing/guest-scripts.ts";

// A namespace's own stack stands in for a sandbox: what is judged is what leaves it.
const identity = { tag: "te", hostPrefix: "10.20" };
const sandboxId = newSandboxId();
const everything = "0.0.0.0/0";
const zone = {
  "allowed.example": [1],
  "a.sub.example": [2],
  "sub.example": [3],
  "denied.example": [4],
  "private.example": ["10.20.255.254"],
  "rebind.example": [5, "169.254.169.254"],
  "proxy.example": [9],
  "db.sub.example": [6],
  "moving.example": [7, 8],
};
let internet: FakeInternet;
let resolvers: string[];
let slot: Slot;
let neighbour: Slot;
let egress: NodeEgress;
let logDir: string;
let ca: string;
let interceptor: NodeTransform;
const connections: GuestConnection[] = [];

const newEgress = (): NodeEgress =>
  new NodeEgress({
    identity,
    resolvers,
    logDir,
    maxLogBytes: 1e6,
    interceptor,
    logger: silentLogger,
  });

beforeAll(async () => {
  const authority = await CertificateAuthority.create("test", 3_600_000);
  const { privateKeyPem: key, publicKey } = await newServerKey();
  const certificate = await authority.issue({
    names: ["allowed.example", "proxy.example"],
    publicKey,
    validForMs: 3_600_000,
  });
  ca = authority.certificatePem;
  internet = await FakeInternet.start("tenet", zone, { key, certificate });
  resolvers = [internet.address(14)];
  const { mtu } = await setUpHostNetwork(identity, resolvers);
  const open = kernelEgress(openPolicy, resolvers);
  [slot, neighbour] = (await Promise.all(
    [1, 2].map((index) => makeSlot(slotNames(identity, index), { identity, mtu, egress: open })),
  )) as [Slot, Slot];
  logDir = await mkdtemp(join(tmpdir(), "sandbank-egress-"));
  interceptor = new NodeTransform({
    authorityFile: join(logDir, "authority.pem"),
    report: () => undefined,
    logger: silentLogger,
  });
  egress = newEgress();
  await egress.start(() => []);
});

afterEach(async () => {
  for (const connection of connections.splice(0)) await connection.stop();
});

afterAll(async () => {
  await egress?.close();
  await interceptor?.close();
  for (const each of [slot, neighbour]) await each?.destroy();
  await tearDownHostNetwork(identity);
  await internet?.stop();
  await rm(logDir, { recursive: true, force: true });
  expect(await listNetns("te")).toEqual([]);
});

const apply = (policy: Partial<EgressPolicy>): Promise<void> =>
  egress.apply({ sandboxId, slot }, { ...openPolicy, ...policy });

/** A reset may come before or after a client knows that it is connected. */
const refused = /^curl (7|35)$/;

/** What curl prints, or its exit code; 7 is a refused connection, 35 and 56 are a reset. */
async function curl(...args: string[]): Promise<string> {
  const { exitCode, stdout } = await inNetns(slot.names.guestNetns, "curl", [
    "-sSk",
    "--max-time",
    "5",
    ...args,
  ]);
  return exitCode === 0 ? stdout : `curl ${exitCode}`;
}

/** As a program in the sandbox would that believes this address to be the name's. */
const at = (
  name: string,
  address: string,
  scheme = "https",
  port = scheme === "https" ? 443 : 80,
): string[] => ["--resolve", `${name}:${port}:${address}`, `${scheme}://${name}:${port}/`];

function open(address: string, port: number, first?: string): GuestConnection {
  const connection = new GuestConnection(slot.guestNetnsPath, address, port, first);
  connections.push(connection);
  return connection;
}

async function goesOn(connection: GuestConnection): Promise<void> {
  const before = connection.echoes;
  await vi.waitFor(() => expect(connection.echoes).toBeGreaterThan(before + 5), 10_000);
  expect(connection.end).toBeUndefined();
}

async function udp(address: string, port = 7000): Promise<string> {
  const { stdout } = await inNetns(slot.names.guestNetns, process.execPath, [
    "-e",
    udpEcho,
    address,
    String(port),
  ]);
  return stdout.trim();
}

const reached = (address: string): number => internet.events.filter(({ to }) => to === address).length;

test("ranges hold for TCP, UDP and ICMP; what is allowed wins; a denied packet is answered at once", async () => {
  const [one, two] = [internet.address(1), internet.address(2)];
  await apply({});
  expect(await curl(`http://${one}/`)).toBe(`http ${one} ${one}`);
  expect(await udp(one)).toBe("hello");

  await apply({ denyRanges: [`${one}/32`] });
  // Before a second packet is sent, after a second.
  expect(await curl("--connect-timeout", "0.9", `http://${one}/`)).toBe("curl 7");
  expect(await udp(one)).toBe("ECONNREFUSED");
  expect(await curl(`http://${two}/`)).toContain(two);

  await apply({ denyRanges: [everything], allowRanges: [`${two}/32`] });
  expect(await curl(`http://${one}/`)).toBe("curl 7");
  expect(await curl(`http://${two}/`)).toContain(two);
  expect(await udp(two)).toBe("hello");
  expect(await udp(one)).toBe("ECONNREFUSED");
  const ping = (address: string) => inNetns(slot.names.guestNetns, "python3", ["-c", pingScript, address]);
  expect((await ping(two)).stdout.trim()).toBe("0");
  expect((await ping(one)).stdout.trim()).toBe("3 13");
  // Without domains no resolver is allowed that the ranges deny.
  expect(await udp(resolvers[0] ?? "", 53)).toBe("ECONNREFUSED");
});

test("names are matched by the server name of TLS; a lie leads to the name's own server", async () => {
  await apply({ allowDomains: ["allowed.example", "*.sub.example"], denyRanges: [everything] });
  const [one, two, three, four] = [1, 2, 3, 4].map((number) => internet.address(number)) as [
    string,
    string,
    string,
    string,
  ];
  expect(await curl(...at("allowed.example", one))).toBe(`tls ${one} allowed.example`);
  expect(await curl(...at("allowed.example", one, "https", 8443))).toBe(`tls ${one} allowed.example`);
  expect(await curl(...at("a.sub.example", two))).toBe(`tls ${two} a.sub.example`);
  const before = reached(four);
  expect(await curl(...at("sub.example", three))).toBe("curl 35");
  expect(await curl(...at("denied.example", four))).toBe("curl 35");
  expect(await curl(`https://${four}/`)).toBe("curl 35");
  expect(await curl(...at("allowed.example", four))).toBe(`tls ${one} allowed.example`);
  expect(reached(four)).toBe(before);
  expect(await udp(one)).toBe("ECONNREFUSED");
});

test("names are matched by the host of each HTTP request, also on a kept connection", async () => {
  await apply({ allowDomains: ["allowed.example", "a.sub.example"], denyRanges: [everything] });
  const [one, two, four] = [internet.address(1), internet.address(2), internet.address(4)];
  expect(await curl(...at("allowed.example", one, "http"))).toBe(`http ${one} allowed.example`);
  expect(await curl(...at("allowed.example", four, "http", 8080))).toBe(`http ${one} allowed.example:8080`);
  expect(await curl("-d", "body", ...at("allowed.example", one, "http"))).toBe(`http ${one} allowed.example`);
  expect(await curl(...at("denied.example", four, "http"))).toBe("curl 56");
  expect(await curl(`http://${four}/`)).toBe("curl 56");
  expect(await curl("-H", "Host: denied.example", `http://${one}/`)).toBe("curl 56");

  const before = internet.events.length;
  const request = (host: string, target = "/"): string => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const talk = async (...requests: string[]): Promise<string> => {
    const { stdout } = await inNetns(slot.names.guestNetns, process.execPath, [
      "-e",
      talkScript,
      one,
      ...requests,
    ]);
    return stdout;
  };
  // Another allowed host on the same connection goes to its own server.
  const both = await talk(request("allowed.example"), request("a.sub.example"));
  expect(both).toContain(`http ${one} allowed.example`);
  expect(both).toContain(`http ${two} a.sub.example`);
  const fronted = await talk(
    request("allowed.example"),
    request("denied.example"),
    request("allowed.example"),
  );
  expect(fronted).toContain("ECONNRESET");
  for (const target of ["http://denied.example/", "denied.example:80"]) {
    expect(await talk(request("allowed.example", target))).toContain("ECONNRESET");
  }
  expect(await talk("GET / HTTP/1.1\r\nHost: allowed.example\r\nHost: denied.example\r\n\r\n")).toContain(
    "ECONNRESET",
  );
  const hosts = internet.events.slice(before).flatMap(({ host }) => host ?? []);
  expect(new Set(hosts)).toEqual(new Set(["allowed.example", "a.sub.example"]));
});

test("other protocols are matched by where an allowed name leads", async () => {
  await apply({ allowDomains: ["allowed.example"], denyRanges: [everything] });
  const allowed = open(internet.address(1), 7000, "SSH-2.0-x\r\n");
  await goesOn(allowed);
  const greeted = await curl("--max-time", "8", `telnet://${internet.address(1)}:7001`);
  expect(greeted).toContain("220 ready");
  const denied = open(internet.address(4), 7000, "SSH-2.0-x\r\n");
  await vi.waitFor(() => expect(denied.end).toBe("error ECONNRESET"), 10_000);
  expect(denied.echoes).toBe(0);
  // A WebSocket is HTTP until it is not.
  const upgrade = await curl(
    "--max-time",
    "1",
    "-i",
    "-H",
    "Connection: Upgrade",
    "-H",
    "Upgrade: echo",
    ...at("allowed.example", internet.address(1), "http"),
  );
  expect(upgrade).toBe("curl 28");
});

test("no policy opens what is inside, by address, by name, by rebinding or by redirect", async () => {
  const inside = [
    hostSourceAddress(identity),
    neighbour.names.hostAddress,
    "169.254.169.254",
    "10.1.2.3",
    "100.64.0.1",
  ];
  for (const policy of [
    {},
    { allowRanges: [everything, ...inside.map((address) => `${address}/32`)] },
    { allowDomains: ["private.example", "rebind.example", "allowed.example"], denyRanges: [everything] },
    { rules: [{ domain: "private.example", headers: {} }] },
    {
      allowRanges: ["10.0.0.0/8"],
      proxy: { host: internet.address(9), port: 1080, username: "user", password: "pass" },
    },
  ]) {
    await apply(policy);
    for (const address of inside) {
      for (const port of [80, 5016]) expect(await curl(`http://${address}:${port}/`), address).toBe("curl 7");
    }
  }
  await apply({
    allowDomains: ["private.example", "rebind.example", "allowed.example"],
    denyRanges: [everything],
  });
  // The names are allowed, and the client goes to public addresses: what they lead to is what counts.
  expect(await curl(...at("private.example", internet.address(4)))).toBe("curl 35");
  for (let attempt = 0; attempt < 3; attempt++) {
    expect(await curl(...at("rebind.example", internet.address(5), "http"))).toMatch(
      /^(http .*\.example|curl 5[26])$/,
    );
  }
  const redirect = at("allowed.example", internet.address(1), "http");
  expect(await curl("-L", ...redirect.slice(0, 2), `${redirect[2]}redirect`)).toBe("curl 7");
});

test("IPv6 is closed, also for a guest that makes itself an address", async () => {
  await apply({ allowRanges: [everything] });
  const guest = slot.names.guestNetns;
  await inNetns(guest, "ip", ["-6", "addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad"]);
  const links = await inNetns(slot.names.routerNetns, "ip", ["-6", "-o", "addr", "show", "dev", "gw"]);
  const gateway = /inet6 (fe80[0-9a-f:]+)/.exec(links.stdout)?.[1];
  if (gateway) await inNetns(guest, "ip", ["-6", "route", "add", "default", "via", gateway, "dev", "eth0"]);
  expect(await curl("-6", "http://[2001:4860:4860::8888]/")).toBe("curl 7");
});

test("a new policy is in force at once; what stays allowed goes on, what does not ends", async () => {
  const [one, two, three] = [internet.address(1), internet.address(2), internet.address(3)];
  await apply({});
  const direct = open(one, 7000);
  await goesOn(direct);
  const endedMs: number[] = [];
  for (let round = 0; round < 3; round++) {
    await apply({});
    const denied = open(two, 7000);
    await goesOn(denied);
    const beganMs = performance.now();
    await apply({ denyRanges: [`${two}/32`] });
    await vi.waitFor(() => expect(denied.end).toBe("error ECONNRESET"), { timeout: 10_000, interval: 5 });
    endedMs.push(Math.round(performance.now() - beganMs));
    await goesOn(direct);
  }

  // Also those on which nobody says anything; the one that is allowed is not disturbed.
  await apply({});
  const silent = [open(two, 7000, "silent"), open(three, 7000, "silent")] as const;
  for (const connection of silent)
    await vi.waitFor(() => expect(connection.lines).toContain("connected"), 10_000);
  await apply({ denyRanges: [`${two}/32`] });
  await vi.waitFor(() => expect(silent[0].end).toBe("error ECONNRESET"), 10_000);
  await goesOn(direct);
  expect(silent[1].end).toBeUndefined();

  // A direct connection whose address is denied by range ends when names come in; nobody saw its name.
  await apply({
    allowDomains: ["allowed.example", "a.sub.example"],
    allowRanges: [`${three}/32`],
    denyRanges: [everything],
  });
  await vi.waitFor(() => expect(direct.end).toBe("error ECONNRESET"), 10_000);
  const named = [open(one, 7000, "hello\r\n"), open(two, 7000, "hello\r\n"), open(three, 7000)] as const;
  for (const connection of named) await goesOn(connection);
  await apply({ allowDomains: ["allowed.example"], denyRanges: [everything] });
  for (const connection of named.slice(1)) {
    await vi.waitFor(() => expect(connection.end).toBe("error ECONNRESET"), 10_000);
  }
  await goesOn(named[0]);
  // From names to ranges and to nothing said at all.
  await apply({ allowRanges: [`${one}/32`], denyRanges: [everything] });
  await goesOn(named[0]);
  await apply({});
  await goesOn(named[0]);
  console.log(`denied connections ended after ${endedMs.join(", ")} ms`);
  // The least of them: the others tell how busy the machine is.
  expect(Math.min(...endedMs)).toBeLessThan(1_000);
});

test("TCP goes through a SOCKS5 proxy after it was judged, and nowhere else when the proxy fails", async () => {
  const [one, two] = [internet.address(1), internet.address(2)];
  const proxy = { host: "proxy.example", port: 1080, username: "user", password: "pass" };
  await apply({ proxy, denyRanges: [`${two}/32`] });
  internet.events.length = 0;
  expect(await curl(`http://${one}/`)).toContain(`http ${one}`);
  expect(await curl(`http://${two}/`)).toBe("curl 7");
  expect(internet.events.filter(({ kind }) => kind === "socks")).toEqual([
    { kind: "socks", host: one, port: 80 },
  ]);
  // By name, the proxy looks it up.
  await apply({ proxy, allowDomains: ["allowed.example"], denyRanges: [everything] });
  internet.events.length = 0;
  expect(await curl(...at("allowed.example", one))).toBe(`tls ${one} allowed.example`);
  expect(internet.events.filter(({ kind }) => kind === "socks")).toEqual([
    { kind: "socks", host: "allowed.example", port: 443 },
  ]);
  await apply({ proxy: { ...proxy, port: 1443, tls: { ca } } });
  expect(await curl(`http://${one}/`)).toContain(`http ${one}`);
  internet.events.length = 0;
  for (const broken of [
    { ...proxy, password: "wrong" },
    { ...proxy, port: 7000 },
    { ...proxy, port: 9 },
    { ...proxy, host: "nowhere.example" },
    { ...proxy, port: 8080, tls: {} },
    // Its certificate is not from an authority that is trusted, or not for this name.
    { ...proxy, port: 1443, tls: {} },
    { ...proxy, port: 1443, tls: { ca, serverName: "other.example" } },
  ]) {
    await apply({ proxy: broken });
    expect(await curl("--max-time", "20", `http://${one}/`)).toMatch(/^curl (7|56)$/);
  }
  expect(internet.events.filter(({ kind }) => kind === "http")).toEqual([]);
  for (const host of ["nowhere.example", "private.example", "10.0.0.1"]) {
    await expect(egress.check({ ...openPolicy, proxy: { host, port: 1 } })).rejects.toThrow("egressProxy");
  }
});

test("a connection to a name with a rule is intercepted, by its server name, and only to the name's own servers", async () => {
  const [one, four] = [internet.address(1), internet.address(4)];
  await apply({ rules: [{ domain: "allowed.example", headers: { "X-Put-In": "1" } }] });
  internet.events.length = 0;
  // The test's certificate is from nobody whom this machine trusts, so that is how far it goes.
  for (const address of [one, four]) {
    expect(await curl(...at("allowed.example", address))).toContain(
      "certificate of allowed.example is not valid",
    );
  }
  expect(new Set(internet.events.flatMap(({ to }) => to ?? []))).toEqual(new Set([one]));
  expect(await curl(...at("denied.example", four))).toBe(`tls ${four} denied.example`);
  expect(await curl(...at("allowed.example", one, "http"))).toBe(`http ${one} allowed.example`);
});

test("resolvers that are allowed with names: the usual ones, those of the policy, or none", async () => {
  const policy = { allowDomains: ["allowed.example"], denyRanges: [everything] };
  const own = resolvers[0] ?? "";
  const other = internet.address(13);
  const answers = async (...addresses: string[]): Promise<string[]> => {
    const found: string[] = [];
    for (const address of addresses) found.push(await lookUp("allowed.example", address));
    return found;
  };
  const one = internet.address(1);
  await apply(policy);
  expect(await answers(own, other)).toEqual([one, "refused"]);
  await apply({ ...policy, dnsServers: [other] });
  expect(await answers(own, other)).toEqual(["refused", one]);
  expect(await curl(...at("allowed.example", one))).toBe(`tls ${one} allowed.example`);
  await apply({ ...policy, dnsServers: [] });
  expect(await answers(own, other)).toEqual(["refused", "refused"]);
});

test("other protocols go where the sandbox's own questions found a name that is allowed, wildcards too", async () => {
  await apply({ allowDomains: ["*.sub.example", "moving.example"], denyRanges: [everything] });
  const greeting = "SSH-2.0-x\r\n";
  const early = open(internet.address(6), 7000, greeting);
  await vi.waitFor(() => expect(early.end).toBe("error ECONNRESET"), 15_000);
  const resolver = resolvers[0] ?? "";
  for (const name of ["db.sub.example", "moving.example", "moving.example"]) {
    const address = await lookUp(name, resolver);
    await goesOn(open(address, 7000, greeting));
  }
  // Any name may be looked up, but only an allowed one opens anything.
  const denied = await lookUp("denied.example", resolver);
  expect(denied).toBe(internet.address(4));
  const unnamed = open(denied, 7000, greeting);
  await vi.waitFor(() => expect(unnamed.end).toBe("error ECONNRESET"), 15_000);
  // Servers of many names share an address: who comes with another name later is cut off before the server has it.
  const shared = internet.address(2);
  await apply({ allowDomains: ["a.sub.example"], denyRanges: [everything] });
  expect(await lookUp("a.sub.example", resolver)).toBe(shared);
  const late = async (kind: string, name: string): Promise<string> =>
    (
      await inNetns(slot.names.guestNetns, process.execPath, ["-e", lateScript, shared, kind, name])
    ).stdout.trim();
  expect(await late("tls", "a.sub.example")).toBe(`tls ${shared} a.sub.example`);
  expect(await late("tls", "denied.example")).toBe("ECONNRESET");
  expect(await late("http", "denied.example")).toBe("ECONNRESET");
  await apply({ allowDomains: ["*.sub.example", "moving.example"], denyRanges: [everything] });
  // What was allowed by a name ends with it.
  await apply({ allowDomains: ["allowed.example"], denyRanges: [everything] });
  for (const connection of connections) {
    await vi.waitFor(() => expect(connection.end).toBe("error ECONNRESET"), 10_000);
  }
});

async function lookUp(name: string, resolver: string): Promise<string> {
  const args = ["-e", dnsScript, name, resolver];
  return (await inNetns(slot.names.guestNetns, process.execPath, args)).stdout.trim();
}

test("without the forwarder names are closed and ranges go on; with it again both work", async () => {
  const [one, two] = [internet.address(1), internet.address(2)];
  const policy = { allowDomains: ["allowed.example"], allowRanges: [`${two}/32`], denyRanges: [everything] };
  await apply(policy);
  const ranged = open(two, 7000);
  await goesOn(ranged);
  await egress.close();
  expect(await curl(...at("allowed.example", one))).toBe("curl 7");
  expect(await curl(...at("allowed.example", one, "http"))).toBe("curl 7");
  await goesOn(ranged);
  egress = newEgress();
  await egress.start(() => []);
  // It knows of no sandbox yet: what is handed over is refused.
  expect(await curl(...at("allowed.example", one))).toMatch(refused);
  await apply(policy);
  expect(await curl(...at("allowed.example", one))).toBe(`tls ${one} allowed.example`);
  await goesOn(ranged);
});

test("a listener that fails is there again at once, and connections do not notice", async () => {
  await apply({ allowDomains: ["allowed.example"], denyRanges: [everything] });
  const kept = open(internet.address(1), 7000, "hello\r\n");
  await goesOn(kept);
  const { _getActiveHandles: activeHandles } = process as unknown as {
    _getActiveHandles: (this: void) => unknown[];
  };
  const listener = activeHandles().find(
    (handle): handle is Server =>
      handle instanceof Server && (handle.address() as AddressInfo | null)?.port === forwarderPort,
  );
  if (!listener) throw new Error("the forwarder's listener was not found");
  listener.emit("error", new Error("it failed"));
  await goesOn(kept);
  await vi.waitFor(async () => {
    expect(await curl(...at("allowed.example", internet.address(1)))).toContain("allowed.example");
  }, 15_000);
});

test("decisions are listed, the kernel's too, and counted; what comes often is put together", async () => {
  const [one, four] = [internet.address(1), internet.address(4)];
  await apply({ allowDomains: ["allowed.example"], denyRanges: [everything] });
  const subject = { sandboxId, slot };
  await egress.decisions(sandboxId, subject, { direction: "forward", limit: 1 });
  // What was just written down of earlier tests may be of this very millisecond.
  const cursorMs = Date.now() + 1;
  const attempts = 6;
  await curl(...at("allowed.example", one));
  for (let attempt = 0; attempt < attempts; attempt++) await curl(...at("denied.example", four));
  await udp(four);
  const query = { cursorMs, direction: "forward", limit: 1_000 } as const;
  await vi.waitFor(async () => {
    const entries = await egress.decisions(sandboxId, subject, query);
    const listed = new Map<string, { entries: number; decisions: number }>();
    for (const { message, fields } of entries) {
      const { protocol, address, port, name, reason, count = "1" } = fields;
      // The kernel may still refuse packets of earlier tests' connections.
      if (reason === "kernel" && protocol !== "udp") continue;
      const key = [message, protocol, address, port, name, reason]
        .filter((part) => part !== undefined)
        .join(" ");
      const known = listed.get(key) ?? { entries: 0, decisions: 0 };
      listed.set(key, { entries: known.entries + 1, decisions: known.decisions + Number(count) });
    }
    // What comes again within ten seconds is one more entry, and such a stretch may end in the middle of this.
    const denied = listed.get(`connection was denied tcp ${four} 443 denied.example name`);
    expect([2, 3, 4]).toContain(denied?.entries);
    expect(Object.fromEntries(listed)).toEqual({
      [`connection was allowed tcp ${one} 443 allowed.example domain`]: { entries: 1, decisions: 1 },
      [`connection was denied tcp ${four} 443 denied.example name`]: { ...denied, decisions: attempts },
      [`connection was denied udp ${four} 7000 kernel`]: { entries: 1, decisions: 1 },
    });
  }, 10_000);
  expect(egress.counts.get("allowed domain")).toBeGreaterThan(0);
  expect(egress.counts.get("denied name")).toBeGreaterThanOrEqual(attempts);
  expect(egress.counts.get("denied kernel")).toBeGreaterThan(0);
});

test("nothing that a sandbox sends, and no moment of a change, breaks the forwarder or stays behind", async () => {
  const names = { allowDomains: ["allowed.example"], denyRanges: [everything] };
  const proxy = { host: internet.address(9), port: 1080, username: "user", password: "pass" };
  const policies = [
    names,
    { ...names, proxy },
    { proxy },
    { ...names, rules: [{ domain: "allowed.example", headers: {} }] },
  ];
  await apply(names);
  const args = ["-e", abuseScript, internet.address(1), internet.address(9)];
  const state = { running: true };
  const abuse = inNetns(slot.names.guestNetns, process.execPath, args).finally(() => {
    state.running = false;
  });
  let most = 0;
  for (let change = 0; state.running; change++) {
    await apply(policies[change % policies.length] ?? names);
    most = Math.max(most, egress.connectionCount);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect((await abuse).stdout).toContain("done");
  expect(most).toBeGreaterThan(5);
  await vi.waitFor(() => expect(egress.connectionCount).toBe(0), 15_000);
  await apply(names);
  const one = internet.address(1);
  expect(await curl(...at("allowed.example", one))).toBe(`tls ${one} allowed.example`);
});

test("what fails or is cut leaves nothing open", async () => {
  await apply({ allowDomains: ["allowed.example"], denyRanges: [everything] });
  const connection = open(internet.address(1), 7000, "hello\r\n");
  await goesOn(connection);
  expect(egress.connectionCount).toBe(1);
  await connection.stop();
  await vi.waitFor(() => expect(egress.connectionCount).toBe(0), 10_000);
  await egress.release({ sandboxId, slot });
  expect(await curl(...at("allowed.example", internet.address(1)))).toMatch(refused);
});
