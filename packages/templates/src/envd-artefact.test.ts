import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "@sandbank/linux/command";
import { buildEnvdArtefact } from "./envd-artefact.ts";

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "envd-artefact-"));
});
afterAll(() => rm(cacheDir, { recursive: true }));

it("compiles once, and what it makes runs by its own loader", async () => {
  const lines: string[] = [];
  const build = () => buildEnvdArtefact({ cacheDir, onProgress: (line) => lines.push(line) });
  const [first, second] = await Promise.all([build(), build()]);
  expect(second.dir).toBe(first.dir);
  const progress = lines.length;
  expect((await build()).hash).toBe(first.hash);
  expect(lines.length).toBe(progress);
  expect(await readdir(join(cacheDir, "envd"))).toEqual([first.hash]);
  const [init = "", separator, loader = "", ...rest] = first.initArgs(first.dir);
  expect([init, separator]).toEqual([join(first.dir, "catatonit"), "--"]);
  expect(await run(loader, [...rest, "--version"], { env: {} })).toMatch(/^\d+\.\d+\.\d+\n$/);
}, 120_000);
