import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** An authority that the sandbox's programs are to trust. */
export interface TrustedAuthority {
  /** PEM. */
  certificate: string;
  /** What OpenSSL looks its file up by in a folder of certificates: eight hex digits. */
  subjectHash: string;
  /** PEM certificates of the usual authorities, for an image that brings none. */
  roots: string;
}

/** Files with all authorities that programs read, of Debian, Alpine and Arch; Fedora; openSUSE; OpenSSL's own. */
const bundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];
const [usualBundle = ""] = bundles;
const hashDir = "/etc/ssl/certs";
/** Where distributions' tools that write the bundles anew look for additions: Debian's and Alpine's, Fedora's. */
const ownFile = "/usr/local/share/ca-certificates/sandbank-egress.crt";
const anchorDir = "/etc/pki/ca-trust/source/anchors";

const begin = "# Sandbank egress: begin\n";
const end = "# Sandbank egress: end\n";

/**
 * Makes the sandbox's programs trust an authority, in place of an earlier one of ours; repeating it changes nothing. What
 * is returned are variables for programs that bring their own list of authorities. `root` is `/` but in tests.
 */
export function trustAuthority(authority: TrustedAuthority, root = "/"): Record<string, string> {
  const at = (path: string): string => join(root, path);
  const before = readOptional(at(ownFile));
  if (before !== authority.certificate) {
    replaceFile(at(ownFile), authority.certificate);
    if (statSync(at(anchorDir), { throwIfNoEntry: false })) {
      replaceFile(join(at(anchorDir), "sandbank-egress.crt"), authority.certificate);
    }
    if (before !== undefined) removeLinks(at(hashDir));
    linkByHash(at(hashDir), authority.subjectHash);
  }
  const present = bundles.filter((path) => statSync(at(path), { throwIfNoEntry: false })?.isFile());
  if (present.length === 0) {
    replaceFile(at(usualBundle), authority.roots);
    present.push(usualBundle);
  }
  const files = new Set(present.map((path) => realpathSync(at(path))));
  for (const file of files) addToBundle(file, authority.certificate);
  return variables(present[0] ?? usualBundle);
}

const variables = (bundle: string): Record<string, string> => ({
  // Beside Node's own authorities.
  NODE_EXTRA_CA_CERTS: ownFile,
  // Instead of what comes with the program: certifi's file with Python packages, mostly.
  SSL_CERT_FILE: bundle,
  REQUESTS_CA_BUNDLE: bundle,
  CURL_CA_BUNDLE: bundle,
});

function addToBundle(file: string, certificate: string): void {
  const text = readFileSync(file, "latin1");
  const block = `${begin}${certificate}${end}`;
  if (text.includes(block)) return;
  const start = text.indexOf(begin);
  const stop = text.indexOf(end, start);
  const newline = text === "" || text.endsWith("\n") ? "" : "\n";
  if (start === -1 || stop === -1) appendFileSync(file, newline + block, "latin1");
  else replaceFile(file, text.slice(0, start) + block + text.slice(stop + end.length));
}

/** In one step, so that a program that reads it meanwhile sees the old or the new one. */
function replaceFile(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.sandbank`;
  writeFileSync(temporary, text, "latin1");
  chmodSync(temporary, 0o644);
  renameSync(temporary, file);
}

/** OpenSSL finds a certificate in a folder by a name made of its subject. */
function linkByHash(dir: string, subjectHash: string): void {
  mkdirSync(dir, { recursive: true });
  symlinkSync(ownFile, freeName(dir, subjectHash));
}

/** Those that led to an earlier authority of ours. */
function removeLinks(dir: string): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isSymbolicLink() && readlinkSync(path) === ownFile) rmSync(path);
  }
}

function freeName(dir: string, subjectHash: string): string {
  for (let number = 0; ; number++) {
    const path = join(dir, `${subjectHash}.${number}`);
    if (!lstatSync(path, { throwIfNoEntry: false })) return path;
  }
}

function readOptional(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
