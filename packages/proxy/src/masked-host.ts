/**
 * Puts the host that a sandbox's services are to see in the place of the client's, in a flat name-value list; the
 * client's goes into X-Forwarded-Host. `mask` may hold `${PORT}`.
 */
export function maskHost(sent: string[], mask: string, port: number): void {
  const masked = maskFor(mask, port);
  let original: string | undefined;
  for (let i = 0; i + 1 < sent.length; i += 2) {
    if (sent[i]?.toLowerCase() !== "host") continue;
    original ??= sent[i + 1];
    sent[i + 1] = masked;
  }
  if (original === undefined) sent.push("Host", masked);
  else sent.push("X-Forwarded-Host", original);
}

export const maskFor = (mask: string, port: number): string => mask.replaceAll("${PORT}", String(port));
