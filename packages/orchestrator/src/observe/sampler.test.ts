import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { newSandboxId } from "@sandbank/core/ids";
import { silentLogger } from "@sandbank/core/logger";
import type { NodeSandbox } from "../sandbox/registry.ts";
import { sampleIntervalMs } from "./metrics-ring.ts";
import { Sampler } from "./sampler.ts";

const usage = { cpuUsec: 0, memoryBytes: 1, cacheBytes: 0, diskUsedBytes: 1, diskTotalBytes: 2 };

function fakeSandbox(read: () => typeof usage | undefined): NodeSandbox {
  const record = { sandboxId: newSandboxId(), cpuCount: 1, memoryMib: 1 };
  return { record, runtime: { usage: read } } as unknown as NodeSandbox;
}

test("rounds go on, through empty ones, many sandboxes and one that can't be read", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
  const dir = mkdtempSync(join(tmpdir(), "sandbank-sampler-"));
  const sandboxes: NodeSandbox[] = [];
  const sampler = new Sampler({ dir, sandboxes: () => sandboxes, logger: silentLogger });
  onTestFinished(() => {
    sampler.close();
    vi.useRealTimers();
    rmSync(dir, { recursive: true });
  });
  vi.advanceTimersByTime(sampleIntervalMs);
  await new Promise((resolve) => setImmediate(resolve));
  sandboxes.push(
    fakeSandbox(() => {
      throw new Error("unreadable");
    }),
    ...Array.from({ length: 25 }, () => fakeSandbox(() => usage)),
  );
  for (const sandbox of sandboxes) sampler.begin(sandbox);
  vi.advanceTimersByTime(sampleIntervalMs);
  await vi.waitFor(
    () => expect(sampler.newest(sandboxes.at(-1)?.record.sandboxId ?? "")).toBeDefined(),
    10_000,
  );
  const first = sampler.newest(sandboxes[1]?.record.sandboxId ?? "");
  vi.advanceTimersByTime(sampleIntervalMs);
  const second = sampler.newest(sandboxes[1]?.record.sandboxId ?? "");
  expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBe(sampleIntervalMs);
  expect(sampler.newest(sandboxes[0]?.record.sandboxId ?? "")).toBeUndefined();
});
