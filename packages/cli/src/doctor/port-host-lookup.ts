import { lookup } from "node:dns/promises";
import { errorText } from "@sandbank/core/errors";
import { withTimeout } from "@sandbank/core/deadline";

/** A resolver that asks a server which does not answer takes longer (ms). */
const lookupTimeoutMs = 3_000;

export type PortHostLookup =
  | { name: string; addresses: string[] }
  /** What to do for programs other than browsers and curl, which know `*.localhost` by themselves. */
  | { name: string; error: string; remedy: string };

/** Asks the system's resolver for a host name like those of port URLs below `domain` (`localhost:49983`). */
export async function lookUpPortHost(domain: string): Promise<PortHostLookup> {
  const base = domain.replace(/:\d+$/, "");
  const name = `8000-sandbox.${base}`;
  try {
    const found = await withTimeout(`looking up ${name}`, lookupTimeoutMs, () => lookup(name, { all: true }));
    return { name, addresses: found.map(({ address }) => address) };
  } catch (error) {
    const isLocal = base === "localhost" || base.endsWith(".localhost");
    const remedy = isLocal
      ? "apt-get install libnss-myhostname (or use systemd-resolved): both know *.localhost"
      : `add a wildcard record *.${base} that leads to this machine to your DNS`;
    return { name, error: errorText(error), remedy };
  }
}
