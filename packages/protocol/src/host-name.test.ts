import { expect, test } from "vitest";
import { hostWithoutPort, parsePort, parseSandboxId, portHost, splitPortHost } from "./host-name.ts";

test.each([
  ["LocalHost:49983", "localhost"],
  ["localhost", "localhost"],
  ["[::1]:3000", "[::1]"],
  ["[::1]", "[::1]"],
  ["3000-iabc.localhost:49983", "3000-iabc.localhost"],
])("hostWithoutPort(%s)", (host, expected) => {
  expect(hostWithoutPort(host)).toBe(expected);
});

test.each([
  ["1", 1],
  ["65535", 65_535],
  ["0", undefined],
  ["65536", undefined],
  ["", undefined],
  ["0x50", undefined],
  ["-1", undefined],
  ["8e3", undefined],
])("parsePort(%s)", (text, expected) => {
  expect(parsePort(text)).toBe(expected);
});

test.each([
  ["iabc0", "iabc0"],
  ["iabc0-6532622b", "iabc0"],
  ["Iabc", undefined],
  ["", undefined],
  ["a b", undefined],
  ["../x", undefined],
  ["a".repeat(65), undefined],
])("parseSandboxId(%s)", (text, expected) => {
  expect(parseSandboxId(text)).toBe(expected);
});

test("a port host splits into what made it", () => {
  expect(splitPortHost(portHost(3000, "iabc", "example.com"))).toEqual({ port: "3000", sandboxId: "iabc" });
  expect(splitPortHost("3000-iabc-6532622b.example.com")).toEqual({ port: "3000", sandboxId: "iabc" });
  expect(splitPortHost("3000-iabc")).toBeUndefined();
  expect(splitPortHost("example.com")).toBeUndefined();
});
