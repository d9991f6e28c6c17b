import { closeSync } from "node:fs";
import { expect, test } from "vitest";
import { checked, libc } from "./libc.ts";

const nonBlocking = 0o4000;

function pipe(): number[] {
  const fds = Buffer.alloc(8);
  checked("pipe2", "", libc.pipe2(fds, nonBlocking));
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}

test("errors with two names have the one that node:fs gives them", () => {
  const [from = -1, fromEnd = -1] = pipe();
  const [toStart = -1, to = -1] = pipe();
  const moveNothing = (): number => checked("splice", "", libc.splice(from, null, to, null, 1n, 2));
  expect(moveNothing).toThrow(expect.objectContaining({ code: "EAGAIN" }));
  for (const fd of [from, fromEnd, toStart, to]) closeSync(fd);
});
