import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import { get as getSecure, Agent } from "node:https";
import { mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, connect } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { X509Certificate } from "node:crypto";
import type { Logger } from "@sandbank/core/logger";
import { expect, onTestFinished, test } from "vitest";
import { CertificateAuthority, newServerKey } from "./authority.ts";
import { CertificateFiles } from "./certificate-files.ts";
import { type CertificateSource, contextOf, type PemPair } from "./certificate-source.ts";
import { LocalCertificates } from "./local-certificates.ts";
import { SecureServer } from "./secure-server.ts";

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "sandbank-tls-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  return dir;
}

async function local(domain = "localhost"): Promise<LocalCertificates> {
  const certificates = await LocalCertificates.open({ dir: join(await folder(), "tls"), domain });
  onTestFinished(() => certificates.close());
  return certificates;
}

async function started(
  certificates: CertificateSource,
  takeOver?: (socket: TLSSocket, name: string) => boolean,
  host = "127.0.0.1",
): Promise<{ port: number; server: Server; secure: SecureServer }> {
  const server = createServer((incoming, response) => {
    const { servername } = incoming.socket as TLSSocket;
    let bytes = 0;
    incoming.on("data", (chunk: Buffer) => (bytes += chunk.length));
    incoming.on("end", () => response.end(`${incoming.url} ${bytes} ${servername ?? "plain"}`));
  });
  const secure = new SecureServer(server, { certificates, ...(takeOver ? { takeOver } : {}) });
  server.listen(0, host);
  await once(server, "listening");
  onTestFinished(async () => {
    secure.close({ graceMs: 0 });
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  return { port: (server.address() as AddressInfo).port, server, secure };
}

async function ask(port: number, name: string, ca: string, path = "/"): Promise<string> {
  const sent = getSecure({ host: "127.0.0.1", port, path, servername: name, ca, agent: false });
  const [response] = await once(sent, "response");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return text;
}

test("one port speaks plain HTTP and TLS, also with requests that come in pieces and on a kept connection", async () => {
  const certificates = await local();
  const { port } = await started(certificates);
  const ca = certificates.authorityPem;
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, servername: "8000-abc.localhost" });
  onTestFinished(() => agent.destroy());
  for (const path of ["/one", "/two"]) {
    const [response] = await once(getSecure({ host: "127.0.0.1", port, path, agent }), "response");
    expect(String((await response.toArray())[0])).toBe(`${path} 0 8000-abc.localhost`);
  }
  const body = Buffer.alloc(3_000_000);
  const plain = request({ host: "127.0.0.1", port, path: "/plain", method: "POST" });
  plain.end(body);
  const [response] = await once(plain, "response");
  expect(String((await response.toArray())[0])).toBe(`/plain ${body.length} plain`);
  const slow = connect(port, "127.0.0.1");
  slow.setNoDelay(true);
  for (const piece of ["G", "ET /slow HTTP/1.1\r\n", "Host: x\r\nConnection: close\r\n\r\n"]) {
    await new Promise((resolve) => slow.write(piece, () => setImmediate(resolve)));
  }
  let answer = "";
  for await (const chunk of slow) answer += String(chunk);
  expect(answer).toContain("/slow 0 plain");
});

test("plain HTTP is for this machine only", async ({ skip }) => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === "IPv4" && !address.internal)?.address;
  skip(outside === undefined, "this machine has no address but loopback");
  const certificates = await local();
  const { port } = await started(certificates, undefined, "0.0.0.0");
  const [refused] = await once(request({ host: outside, port, agent: false }).end(), "response");
  expect(refused.statusCode).toBe(400);
  expect(String((await refused.toArray())[0])).toContain("use https://");
  const ca = certificates.authorityPem;
  const secure = getSecure({ host: outside, port, servername: "api.localhost", ca, agent: false });
  expect((await once(secure, "response"))[0].statusCode).toBe(200);
});

test("names below localhost have certificates of their own, which clients that refuse its wildcard take", async () => {
  const certificates = await local();
  const { port } = await started(certificates);
  const ca = certificates.authorityPem;
  expect(await ask(port, "49983-abc.localhost", ca)).toContain("49983-abc.localhost");
  expect(await ask(port, "api.localhost", ca)).toContain("api.localhost");
  expect(await ask(port, "localhost", ca)).toContain("localhost");
  await expect(ask(port, "example.com", ca)).rejects.toThrow("does not match certificate's altnames");
  await expect(ask(port, "localhost", "")).rejects.toThrow(/self.signed|unable to (get|verify)/);
});

test("a domain of two labels has one wildcard certificate; addresses need no name", async () => {
  const certificates = await local("sandboxes.test");
  const { port } = await started(certificates);
  const ca = certificates.authorityPem;
  expect(await ask(port, "8000-x.sandboxes.test", ca)).toContain("8000-x.sandboxes.test");
  const parsed = new X509Certificate(certificates.fallback.certificate);
  expect(parsed.subjectAltName).toContain("DNS:*.sandboxes.test");
  const socket = connectTls({ host: "127.0.0.1", port, ca, ALPNProtocols: ["h2", "http/1.1"] });
  await once(socket, "secureConnect");
  expect(socket.authorized).toBe(true);
  expect(socket.alpnProtocol).toBe("http/1.1");
  socket.destroy();
});

test("the authority is kept, its key is for its owner only, and it can't sign for other names", async () => {
  const dir = await folder();
  const first = await LocalCertificates.open({ dir, domain: "localhost" });
  const second = await LocalCertificates.open({ dir, domain: "localhost" });
  onTestFinished(() => first.close());
  onTestFinished(() => second.close());
  expect(second.authorityPem).toBe(first.authorityPem);
  const file = join(dir, "authority.pem");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const authority = await CertificateAuthority.fromPem(await readFile(file, "utf8"));
  const forged = await pairFor("example.com", authority);
  const { port } = await started(fixed(forged));
  await expect(ask(port, "example.com", first.authorityPem)).rejects.toThrow("permitted subtree violation");
});

function fixed(pair: PemPair): CertificateSource {
  return {
    fallback: pair,
    contextFor: () => Promise.resolve(contextOf(pair)),
    onChange: () => undefined,
    close: () => undefined,
  };
}

test("a connection for another server's name is handed over, and its end is nobody's obstacle", async () => {
  const certificates = await local();
  const ca = certificates.authorityPem;
  const other = await started(certificates);
  const { port } = await started(certificates, (socket, name) => {
    if (name !== "api.localhost") return false;
    other.secure.accept(socket);
    return true;
  });
  other.server.prependListener("request", (incoming) => (incoming.url = `/other${incoming.url}`));
  expect(await ask(port, "api.localhost", ca, "/x")).toBe("/other/x 0 api.localhost");
  expect(await ask(port, "8000-abc.localhost", ca, "/x")).toBe("/x 0 8000-abc.localhost");
  const idle = connectTls({ host: "127.0.0.1", port, ca, servername: "api.localhost" });
  await once(idle, "secureConnect");
  const silent = connect(port, "127.0.0.1");
  await once(silent, "connect");
  idle.on("error", () => undefined);
  silent.on("error", () => undefined);
});

test("a client that has said all it had to say over TLS still gets its answer", async () => {
  const certificates = await local();
  const { port } = await started(certificates);
  const socket = connectTls({
    host: "127.0.0.1",
    port,
    ca: certificates.authorityPem,
    servername: "localhost",
  });
  socket.end("GET /all HTTP/1.1\r\nHost: localhost\r\n\r\n");
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  expect(answer).toContain("/all 0 localhost");
});

test("connections that never come to a request leave nothing", async () => {
  const certificates = await local();
  const { port, server } = await started(certificates);
  const greetings = [
    Buffer.alloc(0),
    Buffer.from([0x16]),
    Buffer.from("\x16\x03\x01garbage that is no handshake"),
    Buffer.from("G"),
  ];
  for (let round = 0; round < 25; round++) {
    for (const greeting of greetings) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      await once(socket, "connect");
      socket.write(greeting);
      if (round % 2 === 0) socket.end();
      else socket.resetAndDestroy();
    }
  }
  await expect
    .poll(() => new Promise((resolve) => server.getConnections((_error, count) => resolve(count))))
    .toBe(0);
  expect(await ask(port, "localhost", certificates.authorityPem)).toContain("localhost");
});

interface LogLine {
  level: "info" | "error";
  message: string;
}

function recorder(): { lines: LogLine[]; logger: Logger } {
  const lines: LogLine[] = [];
  const note = (level: "info" | "error") => (_fields: unknown, message: string) => {
    lines.push({ level, message });
  };
  return {
    lines,
    logger: {
      debug: () => undefined,
      warn: () => undefined,
      info: note("info"),
      error: note("error"),
    },
  };
}

async function pairFor(name: string, authority: CertificateAuthority): Promise<PemPair> {
  const { publicKey, privateKeyPem } = await newServerKey();
  const certificate = await authority.issue({ names: [name], publicKey, validForMs: 3_600_000 });
  return { certificate, key: privateKeyPem };
}

const anyAuthority = (): Promise<CertificateAuthority> => CertificateAuthority.create("test", 3_600_000);

async function put(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

test("files that are replaced are loaded anew; what is broken leaves the old pair and is reported once", async () => {
  const dir = await folder();
  const [first, second] = [await anyAuthority(), await anyAuthority()];
  const [one, two] = [await pairFor("one.test", first), await pairFor("two.test", second)];
  const files = { certificateFile: join(dir, "cert.pem"), keyFile: join(dir, "key.pem") };
  await expect(CertificateFiles.open(files)).rejects.toThrow(files.certificateFile);
  await put(files.certificateFile, one.certificate);
  await put(files.keyFile, one.key);
  const { lines, logger } = recorder();
  const certificates = await CertificateFiles.open({ ...files, logger, intervalMs: 3_600_000 });
  onTestFinished(() => certificates.close());
  const { port } = await started(certificates);
  expect(await ask(port, "one.test", first.certificatePem)).toContain("one.test");
  // Half of the change: the key does not belong to the certificate.
  await put(files.certificateFile, two.certificate);
  await certificates.check();
  await certificates.check();
  expect(lines).toEqual([
    { level: "error", message: "the new certificate can't be used: the old one stays" },
  ]);
  expect(await ask(port, "one.test", first.certificatePem)).toContain("one.test");
  await rm(files.keyFile);
  await certificates.check();
  await certificates.check();
  expect(lines.length).toBe(2);
  await put(files.keyFile, two.key);
  await certificates.check();
  expect(lines.at(-1)).toEqual({ level: "info", message: "certificate loaded anew" });
  expect(await ask(port, "two.test", second.certificatePem)).toContain("two.test");
  await expect(ask(port, "two.test", first.certificatePem)).rejects.toThrow();
});

test("links that are switched count as a change", async () => {
  const dir = await folder();
  const authority = await anyAuthority();
  const pairs = [await pairFor("one.test", authority), await pairFor("two.test", authority)];
  for (const [index, pair] of pairs.entries()) {
    await writeFile(join(dir, `cert${index}.pem`), pair.certificate);
    await writeFile(join(dir, `key${index}.pem`), pair.key);
  }
  const link = async (index: number): Promise<void> => {
    for (const name of ["cert", "key"]) {
      await symlink(`${name}${index}.pem`, join(dir, `${name}.new`));
      await rename(join(dir, `${name}.new`), join(dir, `${name}.pem`));
    }
  };
  await link(0);
  const files = { certificateFile: join(dir, "cert.pem"), keyFile: join(dir, "key.pem") };
  const certificates = await CertificateFiles.open({ ...files, intervalMs: 5 });
  onTestFinished(() => certificates.close());
  const changed = new Promise<void>((resolve) => certificates.onChange(resolve));
  await link(1);
  await changed;
  expect(certificates.fallback.certificate).toBe(pairs[1]?.certificate);
});
