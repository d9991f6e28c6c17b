/** What `Secret.fill(name)` of the SDKs writes into a header's value. */
const reference = /\$\{e2b\.secrets\.([^{}\p{Cc}]+)\}/gu;
/** Everything that E2B's egress would replace. */
const placeholder = /\$\{e2b\.[^{}]*\}/gu;

/** Names of the stored secrets that a text refers to, in lower case as they are stored, each once. */
export const secretNamesIn = (text: string): string[] => [
  ...new Set([...text.matchAll(reference)].map(([, name]) => (name ?? "").toLowerCase())),
];

/** Placeholders of E2B's in a text that stand for something else than a stored secret. */
export const otherPlaceholdersIn = (text: string): string[] =>
  (text.match(placeholder) ?? []).filter((found) => secretNamesIn(found).length === 0);

/** The text with the values of secrets in their places. Throws when `valueOf` has none: ask `secretNamesIn` first. */
export const fillSecrets = (text: string, valueOf: ReadonlyMap<string, string>): string =>
  text.replace(reference, (_found, name: string) => {
    const value = valueOf.get(name.toLowerCase());
    if (value === undefined) throw new Error("a secret has no value");
    return value;
  });

/** Whether a text may stand in a header: neither line breaks nor other controls, nor what a byte can't hold. */
export const isHeaderValue = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
