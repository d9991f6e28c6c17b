import { randomUUID } from "node:crypto";
import { AuthenticationError, Sandbox, Secret } from "e2b";
import { expect, test } from "vitest";
import { ask, cloud } from "./cloud.ts";

test("secrets", async () => {
  const name = `secret-${randomUUID()}`;
  const made = await Secret.create(name, "the value", { metadata: { env: "test" } });
  try {
    expect(made).toMatchObject({ name, version: 1, metadata: { env: "test" } });
    expect(await Secret.update(made.secretId, "another")).toMatchObject({ version: 2 });
    const info = await Secret.getInfo(name);
    expect(info).toMatchObject({ secretId: made.secretId, metadata: { env: "test" } });
    expect(JSON.stringify(info)).not.toContain("another");
    const pages = Secret.list({ limit: 1 });
    const found: string[] = [];
    while (pages.hasNext) found.push(...(await pages.nextItems()).map((secret) => secret.secretId));
    expect(found).toContain(made.secretId);
    expect(await Secret.exists(name)).toBe(true);
  } finally {
    expect(await Secret.destroy(name)).toBe(true);
  }
  expect(await Secret.exists(name)).toBe(false);
  expect(await Secret.destroy(name)).toBe(false);
});

test("a key that was made through the API works in the SDK until it is deleted", async () => {
  const headers = { "X-API-Key": cloud.apiKey };
  const body = JSON.stringify({ name: "sdk test" });
  const made = await ask(`${cloud.apiUrl}/api-keys`, { method: "POST", headers, body });
  const { id, key } = JSON.parse(made.body) as { id: string; key: string };
  const sandbox = await Sandbox.create("base", { apiKey: key, timeoutMs: 60_000 });
  try {
    expect((await sandbox.commands.run("echo test")).stdout).toBe("test\n");
    const deleted = await ask(`${cloud.apiUrl}/api-keys/${id}`, { method: "DELETE", headers });
    expect(deleted.status).toBe(204);
    await expect(Sandbox.create("base", { apiKey: key })).rejects.toThrow(AuthenticationError);
  } finally {
    await Sandbox.kill(sandbox.sandboxId);
  }
});
