import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { hostResolvers, parseResolvConf } from "./resolvers.ts";

test("takes IPv4 servers that are not on loopback", () => {
  const text =
    "# local\nnameserver 127.0.0.53\nnameserver fd00::1\nnameserver 192.0.2.7\nsearch a.example b.example\n";
  expect(parseResolvConf(text)).toEqual({ nameservers: ["192.0.2.7"], search: ["a.example", "b.example"] });
});

test("a stub resolver on loopback gives way to what stands behind it, and to public ones", async () => {
  const dir = await mkdtemp(join(tmpdir(), "sandbank-resolvers-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  const [stub, real] = [join(dir, "stub"), join(dir, "real")];
  await writeFile(stub, "nameserver 127.0.0.53\n");
  await writeFile(real, "nameserver 192.0.2.9\n");
  expect(await hostResolvers([stub, real])).toEqual(["192.0.2.9"]);
  expect(await hostResolvers([stub, join(dir, "missing")])).toEqual(["8.8.8.8", "1.1.1.1"]);
});
