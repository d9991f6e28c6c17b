import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Sandbox, Volume } from "e2b";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { mountPointsUnder } from "@sandbank/linux/mount";
import { CloudUnderTest } from "./cloud.ts";

describe.each([{ isolation: "container" }, { isolation: "gvisor" }] as const)(
  "$isolation",
  ({ isolation }) => {
    let under: CloudUnderTest;

    beforeAll(async () => {
      under = await CloudUnderTest.start({ isolation });
    });
    afterAll(() => under.cloud.dispose());

    const volumesDir = (): string => join(under.cloud.dir, "state", "volumes");
    /** Where the SDK looks for a volume's content. */
    const content = () => ({ apiUrl: under.sdk.apiUrl });
    const mounted = (volume: Volume): Promise<Sandbox> =>
      Sandbox.create("base", { ...under.sdk, volumeMounts: { "/mnt/v": volume }, timeoutMs: 1_800_000 });

    test("volumes and who has them outlive a killed service, and nothing is left of them at the end", async () => {
      const volume = await Volume.create("survivor", under.sdk);
      const [one, two] = await Promise.all([mounted(volume), mounted(volume)]);
      // Put in place whole: who reads a file that becomes shorter meanwhile is told of a conflict.
      const beat = "while sleep 0.05; do date +%s%N > /mnt/v/next; mv /mnt/v/next /mnt/v/beat; done";
      await one.commands.run(beat, {
        background: true,
        timeoutMs: 0,
      });
      await vi.waitFor(async () => expect(await two.files.exists("/mnt/v/beat")).toBe(true), 30_000);

      process.kill(await under.servicePid(), "SIGKILL");
      await vi.waitFor(async () => expect(await under.cloud.status()).toBeUndefined(), 30_000);
      await under.up();

      const before = await volume.readFile("/beat", content());
      await vi.waitFor(async () => expect(await two.files.read("/mnt/v/beat")).not.toBe(before), 30_000);
      await two.files.write("/mnt/v/answer", `from ${two.sandboxId}`);
      expect(await one.files.read("/mnt/v/answer")).toBe(`from ${two.sandboxId}`);
      await expect(Volume.destroy(volume.volumeId, under.sdk)).rejects.toThrow("409");
      const third = await mounted(volume);
      expect(await third.files.read("/mnt/v/answer")).toBe(`from ${two.sandboxId}`);

      await Promise.all([one.kill(), two.kill()]);
      await expect(Volume.destroy(volume.volumeId, under.sdk)).rejects.toThrow(third.sandboxId);
      await third.kill();
      expect(await volume.readFile("/answer", content())).toBe(`from ${two.sandboxId}`);
      expect(await Volume.destroy(volume.volumeId, under.sdk)).toBe(true);
      expect([readdirSync(volumesDir()), mountPointsUnder(volumesDir())]).toEqual([[], []]);
    }, 180_000);

    test("down unmounts them, and the next up has them with all that was in them", async () => {
      const volume = await Volume.create("kept", under.sdk);
      const sandbox = await mounted(volume);
      await sandbox.commands.run(
        "mkdir -p /mnt/v/a/b && seq 100000 > /mnt/v/a/b/numbers && chmod 711 /mnt/v/a",
      );
      await under.cloud.down();
      expect(readdirSync(volumesDir())).toContain(volume.volumeId);
      expect(mountPointsUnder(volumesDir())).toEqual([]);
      await under.up();
      const again = await Volume.connect(volume.volumeId, under.sdk);
      expect((await again.readFile("/a/b/numbers", content())).split("\n").at(-2)).toBe("100000");
      expect((await again.getInfo("/a", content())).mode).toBe(0o711);
      expect(await Volume.list(under.sdk)).toContainEqual({ volumeId: volume.volumeId, name: "kept" });
      await Volume.destroy(volume.volumeId, under.sdk);
    }, 180_000);
  },
);
