import { poll } from "@sandbank/core/deadline";
import { AppError } from "@sandbank/core/errors";
import { type HeldName, holdName } from "@sandbank/linux/held-name";

/** A process that was killed a moment ago may not be gone yet (ms). */
const waitMs = 2_000;

/**
 * Makes this process the only one that works on what is named after the tag: namespaces, devices, tables. Rejects with
 * `failed_precondition` when another one does, which must be of a cloud with other folders, or doing the same as this one.
 */
export async function holdTag(tag: string): Promise<HeldName> {
  const held = await poll(() => holdName(`sandbank-${tag}`), { timeoutMs: waitMs, intervalMs: 50 });
  if (held) return held;
  throw new AppError({
    code: "failed_precondition",
    message:
      `another Sandbank with SANDBANK_TAG=${tag} is at work on this machine, and this one would take its sandboxes' ` +
      "devices for its own: end that one under its own settings, or choose another SANDBANK_TAG",
  });
}
