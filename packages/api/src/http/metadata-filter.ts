/** Text that is not percent-encoded properly was not encoded at all, and means itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Decodes the `metadata` query value as the router gives it (decoded once). Clients encode each key and value, then the
 * whole as a query string, then that as a parameter; splitting comes before the last decoding, so that `&` and `=`
 * inside values survive.
 */
export function parseMetadataFilter(value: string | undefined): Record<string, string> {
  const pairs = decode(value ?? "")
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair): [string, string] => {
      const at = pair.indexOf("=");
      return at < 0 ? [decode(pair), ""] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))];
    });
  return Object.fromEntries(pairs);
}
