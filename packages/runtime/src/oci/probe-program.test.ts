import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { probeProgram, probeWord } from "./probe-program.ts";

test("is a program that says its word and ends well", () => {
  const program = probeProgram(process.arch);
  if (!program) throw new Error("no program for this architecture");
  const directory = mkdtempSync(`${tmpdir()}/probe-program-`);
  try {
    writeFileSync(`${directory}/probe`, program, { mode: 0o755 });
    const { status, stdout } = spawnSync(`${directory}/probe`, { encoding: "utf8" });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${probeWord}\n` });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.each(["x64", "arm64"])("is a small ELF file for %s", (arch) => {
  const program = probeProgram(arch);
  expect(program?.subarray(0, 4).toString("latin1")).toBe("\u007fELF");
  expect(program?.length).toBeLessThan(200);
  expect(program?.readUInt16LE(18)).toBe(arch === "x64" ? 62 : 183);
});

test("does not exist for other architectures", () => {
  expect(probeProgram("mips")).toBeUndefined();
});
