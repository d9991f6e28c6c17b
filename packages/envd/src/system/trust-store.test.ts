import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { trustAuthority } from "./trust-store.ts";

const bundle = "/etc/ssl/certs/ca-certificates.crt";
const ownFile = "/usr/local/share/ca-certificates/sandbank-egress.crt";
const authority = { certificate: "OURS\n", subjectHash: "0123abcd", roots: "ROOTS\n" };
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sandbank-trust-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const read = (path: string): string => readFileSync(join(root, path), "latin1");
function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

test("an image with authorities keeps them and gets ours behind them, once", () => {
  write(bundle, "THEIRS");
  write("/etc/ssl/certs/0123abcd.0", "another with that hash");
  const env = trustAuthority(authority, root);
  expect(trustAuthority(authority, root)).toEqual(env);
  expect(env).toEqual({
    NODE_EXTRA_CA_CERTS: ownFile,
    SSL_CERT_FILE: bundle,
    REQUESTS_CA_BUNDLE: bundle,
    CURL_CA_BUNDLE: bundle,
  });
  expect(read(bundle)).toBe("THEIRS\n# Sandbank egress: begin\nOURS\n# Sandbank egress: end\n");
  expect(read(ownFile)).toBe("OURS\n");
  expect(readdirSync(join(root, "/etc/ssl/certs")).toSorted()).toEqual([
    "0123abcd.0",
    "0123abcd.1",
    "ca-certificates.crt",
  ]);
  expect(readlinkSync(join(root, "/etc/ssl/certs/0123abcd.1"))).toBe(ownFile);
});

test("an image without authorities gets the usual ones and ours, for everybody to read", () => {
  expect(trustAuthority(authority, root)["SSL_CERT_FILE"]).toBe(bundle);
  expect(read(bundle)).toMatch(/^ROOTS\n# Sandbank egress: begin\nOURS\n/);
  expect(statSync(join(root, bundle)).mode & 0o777).toBe(0o644);
  expect(statSync(join(root, ownFile)).mode & 0o777).toBe(0o644);
});

test("a successor takes the place of the authority before it", () => {
  write(bundle, "THEIRS\n");
  trustAuthority(authority, root);
  write(bundle, `${read(bundle)}LATER\n`);
  trustAuthority({ ...authority, certificate: "NEXT\n", subjectHash: "feedf00d" }, root);
  expect(read(bundle)).toBe("THEIRS\n# Sandbank egress: begin\nNEXT\n# Sandbank egress: end\nLATER\n");
  expect(read(ownFile)).toBe("NEXT\n");
  expect(readdirSync(join(root, "/etc/ssl/certs"))).toEqual(["ca-certificates.crt", "feedf00d.0"]);
});

test("Fedora's bundle and its folder of additions; a link to a bundle is followed", () => {
  const real = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem";
  write(real, "THEIRS\n");
  write("/etc/pki/ca-trust/source/anchors/README", "");
  mkdirSync(join(root, "/etc/pki/tls/certs"), { recursive: true });
  symlinkSync(
    "../../ca-trust/extracted/pem/tls-ca-bundle.pem",
    join(root, "/etc/pki/tls/certs/ca-bundle.crt"),
  );
  expect(trustAuthority(authority, root)["SSL_CERT_FILE"]).toBe("/etc/pki/tls/certs/ca-bundle.crt");
  expect(read(real).match(/OURS/g)).toHaveLength(1);
  expect(readlinkSync(join(root, "/etc/pki/tls/certs/ca-bundle.crt"))).toContain("ca-trust");
  expect(read("/etc/pki/ca-trust/source/anchors/sandbank-egress.crt")).toBe("OURS\n");
});
