const labelPattern = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/**
 * A host name, or one with `*.` in front, in lower case and without a closing dot; undefined when `text` is neither.
 * What looks like an IPv4 address is no name.
 */
export function parseDomainPattern(text: string): string | undefined {
  const pattern = text.toLowerCase().replace(/\.$/, "");
  const name = pattern.startsWith("*.") ? pattern.slice(2) : pattern;
  if (name.length > 253) return undefined;
  const labels = name.split(".");
  const isName = labels.every((label) => labelPattern.test(label)) && !/^[0-9]+$/.test(labels.at(-1) ?? "");
  return isName ? pattern : undefined;
}

/** Whether a lower-case name is the pattern's, or below it when it begins with `*.`. */
export const matchesDomain = (pattern: string, name: string): boolean =>
  pattern.startsWith("*.")
    ? name.length >= pattern.length && name.endsWith(pattern.slice(1))
    : name === pattern;

/** The pattern that fits a name best: the name itself, else the longest wildcard; undefined when none fits. */
export function bestDomainMatch<T extends { domain: string }>(
  patterns: readonly T[],
  name: string,
): T | undefined {
  const fitting = patterns.filter(({ domain }) => matchesDomain(domain, name));
  return (
    fitting.find(({ domain }) => domain === name) ??
    fitting.toSorted((a, b) => b.domain.length - a.domain.length)[0]
  );
}
