import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer, type TLSSocket } from "node:tls";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { CertificateAuthority, newServerKey, type ServerKey } from "./authority.ts";
import { openAuthority } from "./authority-file.ts";

const hourMs = 3_600_000;
let authority: CertificateAuthority;
let key: ServerKey;

beforeAll(async () => {
  [authority, key] = await Promise.all([CertificateAuthority.create("Test CA", hourMs), newServerKey()]);
});

async function scratchFile(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "sandbank-ca-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  return join(dir, "ca.pem");
}

/** "authorized", or why OpenSSL refuses a server with this certificate. */
async function verdict(certificate: string, ca: string, name: string, host = "127.0.0.1"): Promise<string> {
  const server = createServer({ cert: certificate, key: key.privateKeyPem }, (socket) => socket.end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket: TLSSocket = connect({ host, port, ca, ...(name && { servername: name }) });
  try {
    await once(socket, "secureConnect");
    return "authorized";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "no code";
  } finally {
    socket.destroy();
    server.close();
  }
}

test("servers with its certificates are believed for exactly their names", async () => {
  const { publicKey } = key;
  const names = ["api.example.com", "*.wild.example", "127.0.0.1"];
  const certificate = await authority.issue({ names, publicKey, validForMs: hourMs });
  const ca = authority.certificatePem;
  expect(await verdict(certificate, ca, "api.example.com")).toBe("authorized");
  expect(await verdict(certificate, ca, "a.wild.example")).toBe("authorized");
  expect(await verdict(certificate, ca, "")).toBe("authorized");
  for (const other of ["example.com", "wild.example", "a.b.wild.example"]) {
    expect(await verdict(certificate, ca, other)).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  }
  const stranger = await CertificateAuthority.create("Test CA", hourMs);
  expect(await verdict(certificate, stranger.certificatePem, "api.example.com")).not.toBe("authorized");
});

test("OpenSSL finds its certificate in a folder by the hash of its subject", () => {
  const said = execFileSync("openssl", ["x509", "-noout", "-subject_hash"], {
    input: authority.certificatePem,
  });
  expect(said.toString().trim()).toBe(authority.subjectHash);
});

test("a name of 253 characters fits, and an expired certificate is refused", async () => {
  const long = `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(60)}.example.c`;
  const { publicKey } = key;
  const certificate = await authority.issue({ names: [long], publicKey, validForMs: hourMs });
  expect(await verdict(certificate, authority.certificatePem, long)).toBe("authorized");
  const old = await authority.issue({ names: ["a.example"], publicKey, validForMs: -1 });
  expect(await verdict(old, authority.certificatePem, "a.example")).toBe("CERT_HAS_EXPIRED");
});

test("its file is made once, is for root only, and gives the same authority again", async () => {
  const file = await scratchFile();
  const all = await Promise.all([1, 2, 3].map(() => openAuthority(file, "Test CA")));
  expect(new Set(all.map(({ fingerprint }) => fingerprint)).size).toBe(1);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const again = await openAuthority(file, "Test CA");
  expect(again.fingerprint).toBe(all[0]?.fingerprint);
  const certificate = await again.issue({
    names: ["a.example"],
    publicKey: key.publicKey,
    validForMs: hourMs,
  });
  expect(new X509Certificate(certificate).verify(new X509Certificate(again.certificatePem).publicKey)).toBe(
    true,
  );
});

test.each(["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])(
  "a file that is no authority is an error, not replaced",
  async (text) => {
    const file = await scratchFile();
    await writeFile(file, text);
    await chmod(file, 0o600);
    await expect(openAuthority(file, "Test CA")).rejects.toThrow("can't be used");
  },
);

test("an expired authority says so", async () => {
  const file = await scratchFile();
  await writeFile(file, await (await CertificateAuthority.create("Test CA", -1)).toPem());
  await expect(openAuthority(file, "Test CA")).rejects.toThrow("expired");
});
