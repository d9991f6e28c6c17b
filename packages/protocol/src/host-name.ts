/** One port of one sandbox, as named by a request. */
export interface SandboxHost {
  /** 1 to 65535. */
  port: number;
  sandboxId: string;
}

/** `Host` without its port, lower case. IPv6 literals keep their brackets. */
export function hostWithoutPort(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, "");
}

export const portHost = (port: number, sandboxId: string, domain: string): string =>
  `${port}-${sandboxId}.${domain}`;

/** The port that `text` writes in plain decimal digits, 1 to 65535; else undefined. */
export function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/**
 * The id in `text`, without the `-clientID` suffix that old clients append; undefined when it can't be one.
 * Looser than the ids this project makes: what is well-formed but unknown is "not found", not "invalid".
 */
export function parseSandboxId(text: string): string | undefined {
  return /^([a-z0-9]{1,64})(?:-[a-z0-9]{0,64})?$/.exec(text)?.[1];
}

/**
 * What the left-most label of a host name says: the two halves of `{port}-{id}`, unchecked, further pieces dropped
 * (`{port}-{id}-{client}` is the form of old clients). Undefined for names without a dot or without a dash in that label.
 */
export function splitPortHost(hostname: string): { port: string; sandboxId: string } | undefined {
  const dot = hostname.indexOf(".");
  if (dot <= 0) return undefined;
  const [port, sandboxId] = hostname.slice(0, dot).split("-");
  return port === undefined || sandboxId === undefined ? undefined : { port, sandboxId };
}
