import { Secret } from "e2b";
import { expect, test } from "vitest";
import { fillSecrets, isHeaderValue, otherPlaceholdersIn, secretNamesIn } from "./secret-reference.ts";

test("what the SDK writes for a secret is found and filled, whatever the case of its name", () => {
  const text = `Basic ${Secret.fill("User-Name")}:${Secret.fill("pass word")}:${Secret.fill("User-Name")}`;
  expect(secretNamesIn(text)).toEqual(["user-name", "pass word"]);
  const values = new Map([
    ["user-name", "$&-1"],
    ["pass word", "two"],
  ]);
  expect(fillSecrets(text, values)).toBe("Basic $&-1:two:$&-1");
  expect(otherPlaceholdersIn(text)).toEqual([]);
});

test("a missing value is an error, never the placeholder itself", () => {
  expect(() => fillSecrets(Secret.fill("gone"), new Map())).toThrow("no value");
});

test("other placeholders are told apart from ordinary text", () => {
  const text = "a ${e2b.identity.tokens.aws} b ${e2b.secrets.} c ${HOME} d ${e2b.secrets.x}";
  expect(otherPlaceholdersIn(text)).toEqual(["${e2b.identity.tokens.aws}", "${e2b.secrets.}"]);
  expect(secretNamesIn("plain ${HOME} {e2b.secrets.x}")).toEqual([]);
});

test.each(["a\nb", "a\r\nX-Other: 1", "a\0", "\u{2713}", "\u007f"])("%j can't be in a header", (text) => {
  expect(isHeaderValue(text)).toBe(false);
});

test.each(["", "Bearer sk-123_~!", "tab\tand space", "gr\u00fc\u00dfe"])("%j can be in a header", (text) => {
  expect(isHeaderValue(text)).toBe(true);
});
