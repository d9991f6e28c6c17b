import { expect, test } from "vitest";
import { isSandboxId, newSandboxId, randomId } from "./ids.ts";

test("ids are of fixed length and alphabet, and differ", () => {
  const ids = Array.from({ length: 1_000 }, newSandboxId);
  expect(ids.every(isSandboxId)).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
  expect(randomId(300)).toMatch(/^[a-z0-9]{300}$/);
});

test.each(["", "../etc", "iABC", "i1234567890123456789", "i123456789012345678901"])(
  "%j is no sandbox id",
  (text) => {
    expect(isSandboxId(text)).toBe(false);
  },
);
