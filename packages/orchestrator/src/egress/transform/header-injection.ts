import { forwardedHeaders, isConnectionHeader } from "@sandbank/protocol/forwarding";
import { fillSecrets, isHeaderValue, secretNamesIn } from "@sandbank/protocol/secret-reference";
import type { EgressRule } from "@sandbank/protocol/egress-policy";
import type { SecretVault } from "./secret-vault.ts";

/** How long a request waits for secrets that a restarted control plane has yet to hand over. */
const secretsTimeoutMs = 5_000;

/** Flat name-value list of what a rule puts in, or why it can't be put in; the problem has no value of a secret. */
export type Injection = { headers: string[] } | { problem: string };

/** The headers of a rule with the secrets of this moment. */
export async function injectionOf(
  rule: EgressRule,
  vault: SecretVault,
  sandboxId: string,
): Promise<Injection> {
  const wanted = Object.entries(rule.headers).filter(([name]) => !isConnectionHeader(name.toLowerCase()));
  const names = wanted.flatMap(([, value]) => secretNamesIn(value));
  if (names.length === 0) return { headers: wanted.flat() };
  const values = await vault.valuesFor(sandboxId, secretsTimeoutMs);
  if (!values) return { problem: "the stored secrets are not available at the moment" };
  const missing = names.find((name) => !values.has(name));
  if (missing !== undefined) return { problem: `there is no secret "${missing}"` };
  const headers = wanted.flatMap(([name, value]) => [name, fillSecrets(value, values)]);
  const unfit = wanted.find((_, index) => !isHeaderValue(headers[2 * index + 1] ?? ""));
  if (unfit)
    return { problem: `the secret for the header ${unfit[0]} has characters that no header can have` };
  return { headers };
}

/** Flat list of a request's headers on their way out: what is injected takes the place of what has the same name. */
export function outboundHeaders(
  raw: readonly string[],
  connection: string | undefined,
  injected: readonly string[],
): string[] {
  const replaced = new Set(injected.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()));
  return [...forwardedHeaders(raw, connection, replaced), ...injected];
}
