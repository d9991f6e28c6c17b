import { AuthenticationError, Sandbox, SandboxNotFoundError, TimeoutError, type SandboxInfo } from "e2b";
import { expect, test } from "vitest";
import { ask, cloud, eventually } from "./cloud.ts";

async function list(query: { metadata?: Record<string, string> }, limit?: number): Promise<SandboxInfo[]> {
  const paginator = Sandbox.list({ query, ...(limit === undefined ? {} : { limit }) });
  const all: SandboxInfo[] = [];
  while (paginator.hasNext) all.push(...(await paginator.nextItems()));
  return all;
}

test("create, info, list by metadata, timeout, connect, kill", async () => {
  const mark = `a&b=${performance.timeOrigin + performance.now()}`;
  const sandbox = await Sandbox.create("base", { timeoutMs: 120_000, metadata: { "test run": mark } });
  const info = await sandbox.getInfo();
  expect(info).toMatchObject({
    sandboxId: sandbox.sandboxId,
    name: "base",
    state: "running",
    metadata: { "test run": mark },
  });
  expect((await list({ metadata: { "test run": mark } })).map(({ sandboxId }) => sandboxId)).toEqual([
    sandbox.sandboxId,
  ]);
  await sandbox.setTimeout(600_000);
  const left = async (): Promise<number> => (await sandbox.getInfo()).endAt.getTime() - Date.now();
  expect(await left()).toBeGreaterThan(590_000);
  const again = await Sandbox.connect(sandbox.sandboxId, { timeoutMs: 30_000 });
  expect((await again.commands.run("echo same")).stdout).toBe("same\n");
  expect(await left()).toBeGreaterThan(550_000);
  expect(await sandbox.isRunning()).toBe(true);
  expect(await sandbox.kill()).toBe(true);
  expect(await sandbox.kill()).toBe(false);
  expect(await sandbox.isRunning()).toBe(false);
  expect(await list({ metadata: { "test run": mark } })).toEqual([]);
});

test("pages", async () => {
  const mark = String(performance.timeOrigin + performance.now());
  const sandboxes = await Promise.all(
    Array.from({ length: 3 }, () => Sandbox.create("base", { timeoutMs: 120_000, metadata: { mark } })),
  );
  try {
    const ids = (await list({ metadata: { mark } }, 2)).map(({ sandboxId }) => sandboxId);
    expect(ids.toSorted()).toEqual(sandboxes.map(({ sandboxId }) => sandboxId).toSorted());
  } finally {
    await Promise.all(sandboxes.map((sandbox) => sandbox.kill()));
  }
});

test("calls to a sandbox that is gone fail with the SDK's own errors", async () => {
  const sandbox = await Sandbox.create("base", { timeoutMs: 60_000 });
  await sandbox.kill();
  await expect(sandbox.commands.run("echo late")).rejects.toThrow(SandboxNotFoundError);
  await expect(sandbox.files.list("/")).rejects.toThrow(TimeoutError);
  await expect(sandbox.getInfo()).rejects.toThrow(SandboxNotFoundError);
  await expect(sandbox.setTimeout(60_000)).rejects.toThrow(SandboxNotFoundError);
  await expect(Sandbox.connect(sandbox.sandboxId)).rejects.toThrow(SandboxNotFoundError);
});

test("killing a sandbox ends a running call at once", async () => {
  const sandbox = await Sandbox.create("base", { timeoutMs: 60_000 });
  const handle = await sandbox.commands.run("sleep 60", { background: true });
  const outcome = handle.wait().catch((error: unknown) => error);
  const started = performance.now();
  await sandbox.kill();
  expect(await outcome).toBeInstanceOf(TimeoutError);
  expect(performance.now() - started).toBeLessThan(5_000);
});

test("a sandbox ends at its timeout", async () => {
  const sandbox = await Sandbox.create("base", { timeoutMs: 2_000 });
  await eventually(async () => !(await sandbox.isRunning()));
  // A kill that comes while the sandbox is being taken down joins that and succeeds; the next one finds nothing.
  await eventually(async () => !(await sandbox.kill()));
  await expect(sandbox.getInfo()).rejects.toThrow(SandboxNotFoundError);
});

test("wrong key, unknown template, bad body", async () => {
  await expect(Sandbox.create("base", { apiKey: `e2b_${"0".repeat(40)}` })).rejects.toThrow(
    AuthenticationError,
  );
  await expect(Sandbox.create("no-such-template")).rejects.toThrow(/no-such-template/);
  const answer = await ask(`${cloud.apiUrl}/v2/sandboxes`, {
    method: "POST",
    headers: { "X-API-Key": cloud.apiKey, "Content-Type": "application/json" },
    body: JSON.stringify({ templateID: "base", timeout: "soon" }),
  });
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.body)).toMatchObject({ code: 400, message: expect.stringContaining("timeout") });
});
