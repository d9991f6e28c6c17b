import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** The text of a root-only file, undefined when it is not there. */
export async function readSecret(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export async function writeSecret(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o711 });
  await writeFile(file, `${text}\n`, { mode: 0o600 });
}

/** 64 random hex digits in a root-only file; made at first use, the same ever after. */
export async function lastingSecret(file: string): Promise<string> {
  const known = await readSecret(file);
  if (known) return known;
  const secret = randomBytes(32).toString("hex");
  await writeSecret(file, secret);
  return secret;
}
