// The library's dependency injection asks for this first.
import "reflect-metadata";
import { createHash, randomBytes, webcrypto, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  NameConstraints,
} from "@peculiar/asn1-x509";
import { AppError } from "@sandbank/core/errors";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 24 * 3_600_000;
/** Clocks that are behind this one must not find a new certificate not valid yet. */
const backdatedMs = dayMs;

/** A key and its private half as PKCS #8 PEM, for servers. */
export interface ServerKey {
  publicKey: webcrypto.CryptoKey;
  privateKeyPem: string;
}

/** A new ECDSA P-256 key. */
export async function newServerKey(): Promise<ServerKey> {
  const { publicKey, privateKey } = await newKeyPair();
  return { publicKey, privateKeyPem: await privateKeyPem(privateKey) };
}

/** What a certificate is to say. */
export interface CertificateRequest {
  /** DNS names (also `*.example.com`) and IP addresses. */
  names: string[];
  publicKey: webcrypto.CryptoKey;
  validForMs: number;
}

/** What an authority may sign for. */
export interface PermittedNames {
  /** Each with everything below it. */
  domains: string[];
  /** In CIDR notation. */
  addressRanges: string[];
}

/** A certificate authority of our own: a key, its self-signed certificate, and certificates of servers from it. */
export class CertificateAuthority {
  readonly certificatePem: string;
  readonly #certificate: x509.X509Certificate;
  readonly #privateKey: webcrypto.CryptoKey;

  private constructor(certificatePem: string, privateKey: webcrypto.CryptoKey) {
    this.certificatePem = certificatePem;
    this.#certificate = new x509.X509Certificate(certificatePem);
    this.#privateKey = privateKey;
  }

  /**
   * With a new key. `commonName` is followed by random digits, so that a successor has another name. What it signs for
   * others than the permitted names, no client takes; without `permitted` it may sign for all.
   */
  static async create(
    commonName: string,
    validForMs: number,
    permitted?: PermittedNames,
  ): Promise<CertificateAuthority> {
    const keys = await newKeyPair();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      name: [{ CN: [`${commonName} ${randomBytes(4).toString("hex")}`] }],
      ...validity(validForMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        // No authority below this one.
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ...(permitted ? [nameConstraints(permitted)] : []),
      ],
    });
    return new CertificateAuthority(`${certificate.toString("pem")}\n`, keys.privateKey);
  }

  /** From what `toPem` gave. Rejects with `failed_precondition` when it is not that, or has expired. */
  static async fromPem(pem: string): Promise<CertificateAuthority> {
    const [, keyBody] = /-----BEGIN PRIVATE KEY-----([^-]+)-----END PRIVATE KEY-----/.exec(pem) ?? [];
    const [certificatePem] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/.exec(pem) ?? [];
    if (keyBody === undefined || certificatePem === undefined) {
      throw unusable("it has no private key and certificate");
    }
    const { validToDate } = new X509Certificate(certificatePem);
    if (validToDate.getTime() < Date.now()) throw unusable(`it expired at ${validToDate.toISOString()}`);
    const key = await webcrypto.subtle
      .importKey("pkcs8", Buffer.from(keyBody, "base64"), algorithm, true, ["sign"])
      .catch((error: unknown) => {
        throw unusable("its private key can't be read", error);
      });
    return new CertificateAuthority(certificatePem, key);
  }

  /** Private key and certificate. */
  async toPem(): Promise<string> {
    return (await privateKeyPem(this.#privateKey)) + this.certificatePem;
  }

  /** SHA-256 of the certificate, in hex. */
  get fingerprint(): string {
    return createHash("sha256").update(new Uint8Array(this.#certificate.rawData)).digest("hex");
  }

  /** The name that OpenSSL looks for in a folder of certificates, without the `.0` behind it: eight hex digits. */
  get subjectHash(): string {
    // OpenSSL hashes the parts of the name as UTF8String in lower case, without the outermost frame.
    const commonName = this.#certificate.subjectName.getField("CN")[0] ?? "";
    const text = Buffer.from(commonName.toLowerCase());
    const attribute = der(0x30, der(0x06, Buffer.from("550403", "hex")), der(0x0c, text));
    const hash = createHash("sha1").update(der(0x31, attribute)).digest();
    return hash.readUInt32LE().toString(16).padStart(8, "0");
  }

  /** A server's certificate as PEM, without the authority's own. */
  async issue({ names, publicKey, validForMs }: CertificateRequest): Promise<string> {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      // Clients look at the alternative names only; a common name has room for 64 characters, a host name takes 253.
      subject: "CN=Sandbank",
      issuer: this.#certificate.subjectName,
      ...validity(validForMs),
      signingAlgorithm: algorithm,
      publicKey,
      signingKey: this.#privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
        ),
        await x509.SubjectKeyIdentifierExtension.create(publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate, false),
      ],
    });
    return `${certificate.toString("pem")}\n`;
  }
}

function nameConstraints({ domains, addressRanges }: PermittedNames): x509.Extension {
  const bases = [
    ...domains.map((dNSName) => new GeneralName({ dNSName })),
    ...addressRanges.map((iPAddress) => new GeneralName({ iPAddress })),
  ];
  const permittedSubtrees = new GeneralSubtrees(bases.map((base) => new GeneralSubtree({ base })));
  const value = AsnConvert.serialize(new NameConstraints({ permittedSubtrees }));
  return new x509.Extension(id_ce_nameConstraints, true, value);
}

const newKeyPair = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${der.replaceAll(/.{1,64}/g, "$&\n")}-----END PRIVATE KEY-----\n`;
}

/** A DER element of at most 127 bytes. */
const der = (tag: number, ...contents: Buffer[]): Buffer => {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
};

/** Positive and of one length: the first bit is clear and the second set. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

const validity = (validForMs: number): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(Date.now() - backdatedMs),
  notAfter: new Date(Date.now() + validForMs),
});

const unusable = (problem: string, cause?: unknown): AppError =>
  new AppError({
    code: "failed_precondition",
    message: `the certificate authority's file can't be used: ${problem}`,
    cause,
  });
