import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { silentLogger } from "@sandbank/core/logger";
import { NodeTransform } from "./node-transform.ts";

test("the authority is made when it is first needed, stays, and a broken file is an error until it is put right", async () => {
  const dir = await mkdtemp(join(tmpdir(), "sandbank-transform-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  const authorityFile = join(dir, "egress-ca.pem");
  const make = (): NodeTransform => {
    const transform = new NodeTransform({ authorityFile, report: () => undefined, logger: silentLogger });
    onTestFinished(() => transform.close());
    return transform;
  };
  await writeFile(authorityFile, "broken");
  const first = make();
  first.prepare();
  await expect(first.guestTrust()).rejects.toMatchObject({ code: "internal" });
  await rm(authorityFile);
  const { trust, fingerprint } = await first.guestTrust();
  expect(new X509Certificate(trust.caBundle).ca).toBe(true);
  expect(trust.caRoots.match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(10);
  expect((await make().guestTrust()).fingerprint).toBe(fingerprint);
});
