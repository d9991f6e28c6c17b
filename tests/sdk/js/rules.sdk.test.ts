import { Sandbox, Secret } from "e2b";
import { expect, onTestFinished, test } from "vitest";

// What rules do to traffic is tested with servers of its own: tests/security.
const host = "api.example.com";

async function secret(): Promise<string> {
  const name = `rules-${Date.now()}`;
  await Secret.create(name, "the value");
  onTestFinished(async () => void (await Secret.destroy(name)));
  return name;
}

const networkWith = (value: string) => ({
  rules: { [host]: [{ transform: { headers: { Authorization: value } } }] },
});

test("a rule with a secret is taken at create and shown with its placeholder, and replaced or cleared later", async () => {
  const placeholder = `Bearer ${Secret.fill(await secret())}`;
  const sandbox = await Sandbox.create("base", { timeoutMs: 60_000, network: networkWith(placeholder) });
  onTestFinished(async () => void (await sandbox.kill()));
  expect((await sandbox.getInfo()).network?.rules).toEqual(networkWith(placeholder).rules);
  const { stdout } = await sandbox.commands.run("cat $NODE_EXTRA_CA_CERTS; env");
  expect(stdout).toContain("-----BEGIN CERTIFICATE-----");
  expect(stdout).not.toContain("the value");
  await sandbox.updateNetwork(networkWith("literal"));
  expect((await sandbox.getInfo()).network?.rules?.[host]).toEqual([
    { transform: { headers: { Authorization: "literal" } } },
  ]);
  await sandbox.updateNetwork({});
  expect((await sandbox.getInfo()).network?.rules).toBeUndefined();
});

test("a secret that is not there, and an identity token, are refused by name", async () => {
  const unknown = networkWith(Secret.fill("not-there"));
  await expect(Sandbox.create("base", { network: unknown })).rejects.toThrow('"not-there"');
  const token = networkWith("${e2b.identity.tokens.aws}");
  await expect(Sandbox.create("base", { network: token })).rejects.toThrow("e2b.identity.tokens.aws");
});
