import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { newSandboxId } from "@sandbank/core/ids";
import { silentLogger } from "@sandbank/core/logger";
import { Observer } from "../observe/observer.ts";
import type { CreateContext } from "./create.ts";
import { Lifecycle } from "./lifecycle.ts";
import { type NodeSandbox, SandboxRegistry } from "./registry.ts";

test("the end of a sandbox that exited is tried again when it could not be taken down", async () => {
  const dir = mkdtempSync(join(tmpdir(), "sandbank-lifecycle-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const registry = new SandboxRegistry();
  const limits = { maxLogBytes: 65_536, maxTotalBytes: 65_536, retentionMs: 60_000 };
  const observer = new Observer({ dir, ...limits }, registry, silentLogger);
  onTestFinished(() => observer.close());
  // What an end needs of them.
  const context = {
    options: { logger: silentLogger, maxConcurrentStarts: 1 },
    transform: { vault: { drop: () => undefined } },
    egress: { release: async () => undefined },
    volumes: { release: () => undefined },
    slots: { release: async () => undefined },
    journal: { remove: async () => undefined },
  } as unknown as CreateContext;
  const lifecycle = new Lifecycle(context, registry, observer);
  const destroy = vi.fn(async () => undefined);
  destroy.mockRejectedValueOnce(new Error("a mount is busy"));
  const sandboxId = newSandboxId();
  const sandbox = {
    record: { sandboxId },
    runtime: { exited: Promise.resolve({ exitCode: 3 }), destroy, consoleFile: join(dir, "none") },
    slot: { names: { hostAddress: "10.11.0.1" } },
  } as unknown as NodeSandbox;
  lifecycle.track(sandbox);
  await vi.waitFor(() => expect(registry.list()).toEqual([]), 5_000);
  expect(destroy).toHaveBeenCalledTimes(2);
  expect(registry.recentEnds).toMatchObject([{ sandboxId, kind: "exited", exitCode: 3 }]);
});
