export interface SandboxHost {
  port: number;
  sandboxId: string;
}

/** `Host` without its port, lower case. IPv6 literals keep their brackets. */
export function hostWithoutPort(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, "");
}

export const portHost = (port: number, sandboxId: string, domain: string): string =>
  `${port}-${sandboxId}.${domain}`;
