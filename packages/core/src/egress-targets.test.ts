import { expect, test } from "vitest";
import { bestDomainMatch, matchesDomain, parseDomainPattern } from "./domain-pattern.ts";
import { ipv4Matcher, parseIpRange } from "./ip-range.ts";

test.each([
  ["8.8.8.8", 4, "8.8.8.8/32"],
  ["203.0.113.77/24", 4, "203.0.113.0/24"],
  ["0.0.0.0/0", 4, "0.0.0.0/0"],
  ["255.255.255.255/1", 4, "128.0.0.0/1"],
  ["2001:DB8::1", 6, "2001:db8::1/128"],
  ["::/0", 6, "::/0"],
])("%s is a range", (text, family, canonical) => {
  expect(parseIpRange(text)).toEqual({ family, text: canonical });
});

test.each([
  "",
  "8.8.8",
  "8.8.8.8/33",
  "::/129",
  "example.com",
  "8.8.8.8/",
  "1.2.3.4/-1",
  "300.1.1.1",
  " 1.1.1.1",
])("%j is no range", (text) => expect(parseIpRange(text)).toBeUndefined());

test("addresses are looked up in ranges", () => {
  const isIn = ipv4Matcher(["203.0.113.0/24", "8.8.8.8/32"]);
  expect(["203.0.113.255", "8.8.8.8", "8.8.8.9", "::ffff:8.8.8.8", "x"].map(isIn)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(ipv4Matcher([])("1.1.1.1")).toBe(false);
  expect(ipv4Matcher(["0.0.0.0/0"])("1.1.1.1")).toBe(true);
});

test.each([
  ["Example.COM.", "example.com"],
  ["*.Example.com", "*.example.com"],
  ["localhost", "localhost"],
  ["xn--bcher-kva.example", "xn--bcher-kva.example"],
])("%s is a domain", (text, canonical) => expect(parseDomainPattern(text)).toBe(canonical));

test.each([
  "",
  "*",
  "*.",
  "a.*.com",
  "-a.com",
  "a..com",
  "a b.com",
  "1.2.3.4",
  "http://a.com",
  "a.com:80",
  "*a.com",
])("%j is no domain", (text) => expect(parseDomainPattern(text)).toBeUndefined());

test("a wildcard stands for any number of labels, not for none", () => {
  expect(
    ["a.example.com", "b.a.example.com", "example.com", "aexample.com", ".example.com"].map((name) =>
      matchesDomain("*.example.com", name),
    ),
  ).toEqual([true, true, false, false, false]);
});

test("an exact name wins, then the longest wildcard", () => {
  const rules = [{ domain: "*.com" }, { domain: "*.example.com" }, { domain: "api.example.com" }];
  expect(bestDomainMatch(rules, "api.example.com")?.domain).toBe("api.example.com");
  expect(bestDomainMatch(rules, "x.example.com")?.domain).toBe("*.example.com");
  expect(bestDomainMatch(rules, "x.com")?.domain).toBe("*.com");
  expect(bestDomainMatch(rules, "x.org")).toBeUndefined();
});
