import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CertificateAuthority, newServerKey } from "@sandbank/certificates/authority";
import { silentLogger } from "@sandbank/core/logger";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { type Config, readConfig } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import type { ServiceFacts, ServiceState } from "../doctor/service-state.ts";
import { checkTls } from "../doctor/tls-checks.ts";
import { exportLines } from "../output/environment.ts";
import { tlsHelp } from "../output/tls-help.ts";
import type { ServiceStatus } from "./admin-server.ts";
import { startTls, type Tls } from "./tls.ts";
import { tlsCheck } from "./tls-check.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sandbank-tls-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

async function listening(answer: number): Promise<Server> {
  const server = createServer((_request, response) => response.writeHead(answer).end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return server;
}

async function started(env: Record<string, string>): Promise<{ tls: Tls; config: Config }> {
  const [api, proxy] = [await listening(204), await listening(418)];
  const port = (server: Server): string => String((server.address() as AddressInfo).port);
  const config = readConfig({
    SANDBANK_STATE_DIR: directory,
    SANDBANK_API_PORT: port(api),
    SANDBANK_PROXY_PORT: port(proxy),
    ...env,
  });
  if (!config.tls) throw new Error("TLS is off");
  const servers = { api: { server: api }, proxy: { server: proxy } };
  const tls = await startTls({ ...config, tls: config.tls }, pathsOf(config), servers, silentLogger);
  onTestFinished(() => tls.close({ graceMs: 0 }));
  return { tls, config };
}

test("settings: off, on, by option, and own files, which belong together", () => {
  expect(readConfig({}).tls).toBeUndefined();
  expect(readConfig({ SANDBANK_TLS: "on" }).tls).toEqual({ kind: "local" });
  expect(readConfig({}, { tls: true }).tls).toEqual({ kind: "local" });
  const files = { SANDBANK_TLS_CERT: "/c.pem", SANDBANK_TLS_KEY: "/k.pem" };
  expect(readConfig(files).tls).toEqual({ kind: "files", certificateFile: "/c.pem", keyFile: "/k.pem" });
  expect(() => readConfig({ SANDBANK_TLS_CERT: "/c.pem" })).toThrow("belong together");
});

test("clients that take one file go on trusting what they trusted; the service's own files are not taken for theirs", async () => {
  const [instead, besides] = [join(directory, "system.pem"), join(directory, "company.pem")];
  await writeFile(instead, "SYSTEM");
  await writeFile(besides, "COMPANY");
  vi.stubEnv("SSL_CERT_FILE", instead);
  vi.stubEnv("NODE_EXTRA_CA_CERTS", besides);
  const first = (await started({ SANDBANK_TLS: "on" })).tls.status().trust;
  const authority = await readFile(first?.authorityFile ?? "", "utf8");
  expect(await readFile(first?.bundleFile ?? "", "utf8")).toBe(`SYSTEM\nCOMPANY\n${authority}`);
  expect(first?.nodeFile).toBe(first?.bundleFile);
  expect((await stat(first?.bundleFile ?? "")).mode & 0o777).toBe(0o644);
  // A shell that has taken over what `sandbank env` printed.
  vi.stubEnv("SSL_CERT_FILE", first?.bundleFile);
  vi.stubEnv("NODE_EXTRA_CA_CERTS", first?.nodeFile);
  const again = (await started({ SANDBANK_TLS: "on" })).tls.status().trust;
  expect(again?.nodeFile).toBe(first?.authorityFile);
  expect(await readFile(again?.authorityFile ?? "", "utf8")).toBe(authority);
  expect(await readFile(again?.bundleFile ?? "", "utf8")).not.toContain("SYSTEM");
});

test("with the local authority: addresses in the environment, the API by name, each client's way to trust", async () => {
  const { tls, config } = await started({ SANDBANK_TLS: "on" });
  expect(await tlsCheck(tls.status(), config)).toEqual([]);
  const domain = config.domain;
  const exports = exportLines({ ...status, domain, tls: tls.status() }, "e2b_key");
  expect(exports).toContain(`export E2B_API_URL=https://127.0.0.1:${config.apiPort}\n`);
  expect(exports).toContain(`export E2B_DOMAIN=localhost:${config.proxyPort}\n`);
  expect(exports).toContain(`export SSL_CERT_FILE=${tls.status().trust?.bundleFile}\n`);
  expect(exportLines({ ...status, domain }, "e2b_key")).not.toContain("SSL_CERT_FILE");
  const trouble = { evidence: "no such name", meaning: "names don't lead here", remedy: "install something" };
  const help = tlsHelp(tls.status(), domain, { name: "resolver", ok: false, ...trouble });
  expect(help).toContain("install something");
  for (const client of ["Node", "Python", "curl", "Chromium", "Firefox", "update-ca-certificates"]) {
    expect(help).toContain(client);
  }
});

test("with own files: names in the environment, a warning for what the certificate is not for", async () => {
  const authority = await CertificateAuthority.create("somebody else", 3_600_000);
  const { publicKey, privateKeyPem } = await newServerKey();
  const files = {
    SANDBANK_TLS_CERT: join(directory, "cert.pem"),
    SANDBANK_TLS_KEY: join(directory, "key.pem"),
  };
  await mkdir(directory, { recursive: true });
  const names = ["example.com", "api.example.com"];
  const certificate = await authority.issue({ names, publicKey, validForMs: 3_600_000 });
  await writeFile(files.SANDBANK_TLS_CERT, certificate);
  await writeFile(files.SANDBANK_TLS_KEY, privateKeyPem);
  const { tls, config } = await started({ ...files, SANDBANK_DOMAIN: "example.com" });
  expect(tls.status()).toMatchObject({
    apiUrl: "https://api.example.com",
    proxyUrl: "https://sandbox.example.com",
  });
  expect(tls.status().warnings).toEqual([expect.stringContaining("is not for 8000-sandbox.example.com")]);
  expect(await tlsCheck(tls.status(), config)).toEqual([expect.stringContaining("does not trust")]);
  expect(exportLines({ ...status, domain: "example.com", tls: tls.status() }, "k")).not.toContain(
    "SSL_CERT_FILE",
  );
});

test("doctor asks over TLS where the service speaks it, and names what is in the way", async () => {
  const { tls, config } = await started({ SANDBANK_TLS: "on" });
  const serviceWith = (more: Partial<ServiceFacts>): ServiceState => {
    const node = { pooledSlots: [], heldSlots: [] } as unknown as ServiceFacts["node"];
    const facts = {
      pid: 1,
      version: "0",
      isolation: "gvisor",
      node,
      stored: [],
      clockJumpMs: 0,
      nowMs: 0,
      ...more,
    };
    return { kind: "up", facts, clockOffsetMs: 0 };
  };
  expect(await checkTls(config, serviceWith({}))).toEqual([]);
  expect(await checkTls(config, { kind: "down" })).toEqual([]);
  const healthy = tls.status();
  expect(await checkTls(config, serviceWith({ tls: healthy }))).toMatchObject([{ name: "tls", ok: true }]);
  const warned = { ...healthy, warnings: ["the certificate expired"] };
  expect(await checkTls(config, serviceWith({ tls: warned }))).toMatchObject([
    { verdict: "degraded", evidence: "the certificate expired" },
  ]);
  const { trust: _trust, ...untrusted } = healthy;
  const [distrusted] = await checkTls(config, serviceWith({ tls: untrusted }));
  expect(distrusted).toMatchObject({ verdict: "degraded" });
  const elsewhere = { ...config, proxyPort: 1 };
  expect(await checkTls(elsewhere, serviceWith({ tls: healthy }))).toMatchObject([{ verdict: "broken" }]);
});

const status: ServiceStatus = {
  pid: 1,
  version: "0",
  isolation: "gvisor",
  driver: "gvisor",
  apiUrl: "http://127.0.0.1:3000",
  proxyUrl: "http://127.0.0.1:49983",
  domain: "localhost:49983",
  startedAt: "2026-01-01T00:00:00Z",
  sandboxCount: 0,
};
