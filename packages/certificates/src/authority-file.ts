import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { CertificateAuthority, type PermittedNames } from "./authority.ts";

/** As long as the machine is likely to live; who wants another one deletes the file. */
const validForMs = 10 * 365 * 24 * 3_600_000;

/**
 * The authority in a root-only file, made at first use. Rejects with `failed_precondition` when the file is there and
 * can't be used: a new authority would not be trusted where the old one is.
 */
export async function openAuthority(
  file: string,
  commonName: string,
  permitted?: PermittedNames,
): Promise<CertificateAuthority> {
  const known = await readOptional(file);
  if (known !== undefined) return CertificateAuthority.fromPem(known);
  const authority = await CertificateAuthority.create(commonName, validForMs, permitted);
  await mkdir(dirname(file), { recursive: true, mode: 0o711 });
  const temporary = `${file}.${randomUUID()}`;
  try {
    await writeFile(temporary, await authority.toPem(), { mode: 0o600, flag: "wx" });
    // Unlike a rename, this never takes the place of one that somebody else made meanwhile.
    await link(temporary, file);
    return authority;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return await CertificateAuthority.fromPem(await readFile(file, "utf8"));
  } finally {
    await rm(temporary, { force: true });
  }
}

async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
