import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Sandbox, Secret } from "e2b";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { CertificateAuthority, newServerKey } from "@sandbank/certificates/authority";
import { runUnchecked } from "@sandbank/linux/command";
import { mountPointsUnder } from "@sandbank/linux/mount";
import { FakeInternet } from "@sandbank/linux/testing/fake-internet";
import { CloudUnderTest } from "../failure/cloud.ts";
import { countInMemory, processesOf } from "./memory-scan.ts";

const hourMs = 3_600_000;
const host = "api.rules.example";
const unproven = "unproven.rules.example";
const marker = (): string => randomBytes(16).toString("hex");
const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Clients as programs in a sandbox have them; each prints the digest of the header that reached the server. */
const clients = {
  curl: `curl -sS -o /dev/null -w '%header{x-authorization-digest}' https://${host}/`,
  "curl without variables": `env -i curl -sS -o /dev/null -w '%header{x-authorization-digest}' https://${host}/`,
  "openssl by its folder alone": `printf 'GET / HTTP/1.1\\r\\nHost: ${host}\\r\\nConnection: close\\r\\n\\r\\n' |
    env -i openssl s_client -quiet -verify_return_error -no-CAfile -CApath /etc/ssl/certs -servername ${host} -connect ${host}:443 2>/dev/null |
    sed -n 's/^x-authorization-digest: \\([0-9a-f]*\\).*/\\1/ip'`,
  "Python urllib": `python3 -c 'import urllib.request as r; print(r.urlopen("https://${host}/").headers["x-authorization-digest"])'`,
  "Python requests": `python3 -c 'import pip._vendor.requests as r; print(r.get("https://${host}/").headers["x-authorization-digest"])'`,
  "Node fetch": `node -e 'fetch("https://${host}/").then((r) => console.log(r.headers.get("x-authorization-digest")))'`,
};

describe.each([{ isolation: "container" }, { isolation: "gvisor" }] as const)(
  "$isolation",
  ({ isolation }) => {
    let internet: FakeInternet;
    let under: CloudUnderTest;
    let sandbox: Sandbox;
    let dir: string;
    let value = marker();

    beforeAll(async () => {
      const [authority, key] = await Promise.all([
        CertificateAuthority.create("Web", hourMs),
        newServerKey(),
      ]);
      const certificate = await authority.issue({
        names: [host],
        publicKey: key.publicKey,
        validForMs: hourMs,
      });
      const zone = { [host]: [1], [unproven]: [2] };
      internet = await FakeInternet.start(`trn${isolation.slice(0, 3)}`, zone, {
        key: key.privateKeyPem,
        certificate,
      });
      dir = await mkdtemp(join(tmpdir(), "sandbank-web-"));
      await writeFile(join(dir, "web.pem"), authority.certificatePem);
      under = await CloudUnderTest.start({
        isolation,
        settings: { NODE_EXTRA_CA_CERTS: join(dir, "web.pem") },
      });
      await Secret.create("api-key", value, under.sdk);
      const { sandboxID } = await call("POST", "/v2/sandboxes", { templateID: "base", network: network() });
      sandbox = await Sandbox.connect(String(sandboxID), { ...under.sdk, timeoutMs: 1_800_000 });
      await nameServers();
    });
    afterAll(async () => {
      await under?.cloud.dispose();
      await internet?.stop();
      await rm(dir, { recursive: true });
    });

    const network = (secret = "api-key") => {
      const rule = [{ transform: { headers: { Authorization: `Bearer ${Secret.fill(secret)}` } } }];
      return {
        allowOut: [host, unproven],
        denyOut: ["0.0.0.0/0"],
        dnsServers: [internet.address(14)],
        rules: { [host]: rule, [unproven]: rule },
      };
    };
    const root = async (command: string): Promise<string> =>
      (await sandbox.commands.run(command, { user: "root", timeoutMs: 120_000 })).stdout.trim();
    const nameServers = () =>
      root(
        `printf '%s\\n' '${internet.address(1)} ${host}' '${internet.address(2)} ${unproven}' >> /etc/hosts`,
      );
    const reached = async (): Promise<string> => (await sandbox.commands.run(clients.curl)).stdout.trim();

    test.each(Object.entries(clients))(
      "%s trusts the connection, and the server gets the secret",
      async (_, command) => {
        const { stdout } = await sandbox.commands.run(command);
        expect(stdout.trim()).toBe(digest(`Bearer ${value}`));
      },
    );

    test("a server that can't prove its name gets nothing, and the client is told why", async () => {
      const { stdout } = await sandbox.commands.run(`curl -sS -w '%{http_code}' https://${unproven}/`);
      expect(stdout).toContain(`the certificate of ${unproven} is not valid`);
      expect(stdout).toMatch(/502$/);
      const { stdout: log } = await under.cloud.command(["logs", sandbox.sandboxId, "--egress"]);
      expect(log).toMatch(/denied.*reason=certificate.*name=unproven\.rules\.example/);
    });

    test("plain HTTP, where nobody proves who answers, passes without the secret", async () => {
      const plain = clients.curl.replace("https:", "http:");
      expect((await sandbox.commands.run(plain)).stdout).toBe(digest(""));
    });

    test("a request for another host on the connection is refused", async () => {
      const { stdout } = await sandbox.commands.run(
        `curl -sS -w '%{http_code}' -H 'Host: ${unproven}' https://${host}/`,
      );
      expect(stdout).toMatch(/421$/);
    });

    test("the value is in no file, log, answer, environment and memory that the sandbox or its team can see", async () => {
      const control = marker();
      await sandbox.files.write("/home/user/control", control);
      const background = { background: true, timeoutMs: 0 } as const;
      await sandbox.commands.run("sleep 900", { ...background, envs: { CONTROL: control } });
      // A pattern that is not the text itself, so that looking for it brings it nowhere.
      const find = async (text: string, user: string): Promise<string> => {
        const command = `pattern='[${text[0]}]${text.slice(1)}'
          grep -rla -- "$pattern" /dev/shm /etc /home /root /run /srv /tmp /var 2>/dev/null
          grep -la -- "$pattern" /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null
          true`;
        return (await sandbox.commands.run(command, { user, timeoutMs: 120_000 })).stdout.trim();
      };
      expect(await find(control, "user")).toMatch(/^\/home\/user\/control\n\/proc\/\d+\/environ$/);
      expect([await find(value, "user"), await find(value, "root")]).toEqual(["", ""]);
      const pids = processesOf(sandbox.sandboxId);
      expect(pids.length).toBeGreaterThan(1);
      const [controls, values] = countInMemory(pids, [control, value]);
      expect(controls).toBeGreaterThan(0);
      expect(values).toBe(0);
      // Also the image of the sandbox's disk, with everything that was ever written there.
      // gVisor's own "sync" does not reach it.
      await runUnchecked("sync", ["--file-system", ...mountPointsUnder(under.cloud.dir)]);
      expect(await filesWith(control)).toMatch(/\.img$/m);
      expect(await filesWith(value)).toBe("");
      for (const answer of await answers()) expect(answer).not.toContain(value);
    });

    test("a killed service's successor has the secret again; a new value counts at once; a deleted one ends it", async () => {
      process.kill(await under.servicePid(), "SIGKILL");
      await vi.waitFor(async () => expect(await under.cloud.status()).toBeUndefined(), 30_000);
      await under.up();
      expect(await reached()).toBe(digest(`Bearer ${value}`));
      value = marker();
      await Secret.update("api-key", value, under.sdk);
      expect(await reached()).toBe(digest(`Bearer ${value}`));
      await Secret.destroy("api-key", under.sdk);
      const { stdout } = await sandbox.commands.run(`curl -sS -w '%{http_code}' https://${host}/`);
      expect(stdout).toMatch(/no secret "api-key"\n503$/);
      await Secret.create("api-key", value, under.sdk);
    });

    test("rules that come later work, also without authorities in the image; a secret that is not there is refused", async () => {
      const later = await Sandbox.create("base", { ...under.sdk, timeoutMs: 1_800_000 });
      sandbox = later;
      await root("rm -rf /etc/ssl/certs /usr/local/share/ca-certificates");
      expect((await later.commands.run("env")).stdout).not.toContain("NODE_EXTRA_CA_CERTS");
      const path = `/sandboxes/${later.sandboxId}/network`;
      await expect(call("PUT", path, network("gone"))).rejects.toThrow(/^400 .*secret \\"gone\\"/);
      await call("PUT", path, network());
      await nameServers();
      for (const command of Object.values(clients)) {
        expect((await later.commands.run(command)).stdout.trim()).toBe(digest(`Bearer ${value}`));
      }
    });

    test("a new authority is trusted after the next update", async () => {
      process.kill(await under.servicePid(), "SIGKILL");
      await vi.waitFor(async () => expect(await under.cloud.status()).toBeUndefined(), 30_000);
      await rm(join(under.cloud.dir, "state", "egress-ca.pem"));
      await under.up();
      await expect(sandbox.commands.run(clients.curl)).rejects.toMatchObject({ exitCode: 60 });
      await call("PUT", `/sandboxes/${sandbox.sandboxId}/network`, network());
      for (const command of Object.values(clients)) {
        expect((await sandbox.commands.run(command)).stdout.trim()).toBe(digest(`Bearer ${value}`));
      }
      const { stdout } = await under.cloud.command(["logs", sandbox.sandboxId, "--egress"]);
      expect(stdout).toMatch(/denied.*reason=untrusted/);
    });

    /** Files of the cloud on the host: state, journal, disks, logs. */
    const filesWith = async (text: string): Promise<string> => {
      const grep = ["grep", "-lF", "--", text, "{}", "+"];
      return (await runUnchecked("find", [under.cloud.dir, "-xdev", "-type", "f", "-exec", ...grep])).stdout;
    };

    /** The SDKs know no `dnsServers`, which these tests need for names that only they know. */
    async function call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
      const { apiUrl, apiKey } = under.sdk;
      const response = await fetch(apiUrl + path, {
        method,
        headers: { "x-api-key": apiKey, "content-type": "application/json" },
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status} ${text}`);
      return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
    }

    /** Everything that the team can ask about the sandbox and the secret. */
    async function answers(): Promise<string[]> {
      const { sandboxId } = sandbox;
      const paths = [
        `/sandboxes/${sandboxId}`,
        "/v2/sandboxes",
        `/sandboxes/${sandboxId}/logs`,
        `/v2/sandboxes/${sandboxId}/logs?limit=1000`,
        "/secrets",
        "/secrets/api-key",
      ];
      return Promise.all(paths.map(async (path) => JSON.stringify(await call("GET", path))));
    }
  },
);
