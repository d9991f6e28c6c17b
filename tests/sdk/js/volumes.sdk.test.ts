import { randomBytes } from "node:crypto";
import { Sandbox, Volume, VolumeNotFoundError, VolumePathNotFoundError } from "e2b";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cloud } from "./cloud.ts";

let volume: Volume;
beforeEach(async () => {
  volume = await Volume.create(`js-${randomBytes(6).toString("hex")}`);
});
afterEach(() => Volume.destroy(volume.volumeId));

test("volumes: create, info, list, connect, destroy", async () => {
  const { volumeId, name } = volume;
  expect(await Volume.getInfo(volumeId)).toMatchObject({ volumeId, name });
  expect(await Volume.list()).toContainEqual({ volumeId, name });
  await volume.writeFile("/file", "kept");
  const again = await Volume.connect(volumeId);
  expect(again.name).toBe(name);
  expect(await again.readFile("/file")).toBe("kept");
  await expect(Volume.create(name)).rejects.toThrow("400: There is a volume");
  expect(await Volume.destroy(volumeId)).toBe(true);
  expect(await Volume.destroy(volumeId)).toBe(false);
  await expect(Volume.connect(volumeId)).rejects.toThrow(VolumeNotFoundError);
  await expect(again.readFile("/file")).rejects.toThrow(VolumePathNotFoundError);
});

test("files: every kind of data in, every format out, metadata, directories", async () => {
  const bytes = randomBytes(3 * 1024 * 1024);
  const stat = await volume.writeFile("/dir/of/bytes", new Uint8Array(bytes).buffer, {
    uid: 1000,
    gid: 1001,
    mode: 0o640,
  });
  expect(stat).toMatchObject({
    name: "bytes",
    path: "/dir/of/bytes",
    type: "file",
    size: bytes.length,
    uid: 1000,
    gid: 1001,
    mode: 0o640,
  });
  expect(Math.abs(stat.mtime.getTime() - Date.now())).toBeLessThan(60_000);
  expect(bytes.equals(await volume.readFile("/dir/of/bytes", { format: "bytes" }))).toBe(true);
  const blob = await volume.readFile("/dir/of/bytes", { format: "blob" });
  expect(bytes.equals(Buffer.from(await blob.arrayBuffer()))).toBe(true);
  const stream = await volume.readFile("/dir/of/bytes", { format: "stream" });
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  expect(bytes.equals(Buffer.concat(parts))).toBe(true);

  const pieces = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let i = 0; i < 100; i++) controller.enqueue(Buffer.from(`piece ${i}\n`));
      controller.close();
    },
  });
  await volume.writeFile("/streamed", pieces);
  expect((await volume.readFile("/streamed")).split("\n").at(-2)).toBe("piece 99");
  await volume.writeFile("/blob", new Blob(["from a blob"]));
  expect(await volume.readFile("/blob")).toBe("from a blob");
  await volume.writeFile("/blob", "");
  expect(await volume.readFile("/blob")).toBe("");
  await expect(volume.writeFile("/blob", "again", { force: false })).rejects.toThrow(
    "409: path /blob exists",
  );

  const made = await volume.makeDir("/made", { mode: 0o700 });
  expect(made).toMatchObject({ type: "directory", mode: 0o700, uid: 0 });
  await expect(volume.makeDir("/made")).rejects.toThrow("409");
  await expect(volume.makeDir("/no/parent")).rejects.toThrow(VolumePathNotFoundError);
  await volume.makeDir("/no/parent", { force: true });
  expect((await volume.list("/")).map(({ path }) => path)).toEqual([
    "/blob",
    "/dir",
    "/made",
    "/no",
    "/streamed",
  ]);
  expect((await volume.list("/dir", { depth: 2 })).map(({ path }) => path)).toEqual([
    "/dir/of",
    "/dir/of/bytes",
  ]);
  expect(await volume.updateMetadata("/made", { uid: 7, mode: 0o755 })).toMatchObject({
    uid: 7,
    gid: 0,
    mode: 0o755,
  });
  expect([await volume.exists("/made"), await volume.exists("/none")]).toEqual([true, false]);
  await volume.remove("/dir");
  expect(await volume.exists("/dir/of/bytes")).toBe(false);
  await expect(volume.remove("/dir")).rejects.toThrow(VolumePathNotFoundError);
  await expect(volume.list("/dir")).rejects.toThrow(VolumePathNotFoundError);
});

test("transfers that are given up leave nothing in use, and nothing half written", async () => {
  await volume.writeFile("/big", new Uint8Array(8 * 1024 * 1024).buffer);
  for (let i = 0; i < 3; i++) {
    const reader = (await volume.readFile("/big", { format: "stream" })).getReader();
    await reader.read();
    await reader.cancel();
  }
  const endless = new ReadableStream<Uint8Array>({
    async pull(controller) {
      controller.enqueue(new Uint8Array(64 * 1024));
      await new Promise((resolve) => setTimeout(resolve, 5));
    },
  });
  const upload = volume.writeFile("/endless", endless, { signal: AbortSignal.timeout(300) });
  await expect(upload).rejects.toThrow();
  expect((await volume.list("/")).map(({ name }) => name)).toEqual(["big"]);
  // What is in use can't be destroyed.
  await expect.poll(() => Volume.destroy(volume.volumeId).catch(() => false), { timeout: 10_000 }).toBe(true);
});

test("mounted in two sandboxes at once, and outliving both", async () => {
  await volume.writeFile("/before", "written before\n");
  const mounted = { volumeMounts: { "/mnt/shared": volume }, timeoutMs: 120_000 };
  const byName = { volumeMounts: { "/home/user/data": volume.name }, timeoutMs: 120_000 };
  const [one, two] = await Promise.all([Sandbox.create("base", mounted), Sandbox.create("base", byName)]);
  try {
    const answer = await fetch(`${cloud.apiUrl}/sandboxes/${one.sandboxId}`, {
      headers: { "X-API-Key": cloud.apiKey },
    });
    expect(await answer.json()).toMatchObject({ volumeMounts: [{ name: volume.name, path: "/mnt/shared" }] });
    expect(await one.files.read("/mnt/shared/before")).toBe("written before\n");
    await one.files.write("/mnt/shared/hello.txt", "Hello, world!");
    expect(await two.files.read("/home/user/data/hello.txt")).toBe("Hello, world!");
    await two.commands.run("echo more >> data/hello.txt && chmod 600 data/hello.txt && mkdir data/sub");
    expect(
      (await one.commands.run("stat -c '%U %a' /mnt/shared/hello.txt; cat /mnt/shared/hello.txt")).stdout,
    ).toBe("user 600\nHello, world!more\n");
    const uid = Number((await two.commands.run("id -u")).stdout);
    expect(await volume.getInfo("/hello.txt")).toMatchObject({ uid, mode: 0o600 });
    await volume.writeFile("/sub/late", "from outside");
    expect(await two.files.read("/home/user/data/sub/late")).toBe("from outside");
    await one.commands.run("ln -s /etc/passwd /mnt/shared/link; ln -s ../../../../etc/shadow /mnt/shared/up");
    for (const link of ["/link", "/up"]) {
      await expect(volume.readFile(link)).rejects.toThrow(VolumePathNotFoundError);
      expect((await volume.getInfo(link)).type).toBe("symlink");
    }
    await expect(Volume.destroy(volume.volumeId)).rejects.toThrow(/409: Volume .* is mounted in/);
  } finally {
    await Promise.all([one.kill(), two.kill()]);
  }
  expect(await volume.readFile("/hello.txt")).toBe("Hello, world!more\n");
  const third = await Sandbox.create("base", mounted);
  try {
    expect(await third.files.read("/mnt/shared/sub/late")).toBe("from outside");
  } finally {
    await third.kill();
  }
});

test("a full volume is told inside and outside, and nothing else is full", async () => {
  const sandbox = await Sandbox.create("base", { volumeMounts: { "/mnt/full": volume }, timeoutMs: 120_000 });
  try {
    // Takes nearly all room at once, without writing it.
    const { stdout } = await sandbox.commands.run(
      "fallocate -l $(($(stat -f -c '%a * %S' /mnt/full) - 16777216)) /mnt/full/big && echo more > /tmp/more && echo made",
    );
    expect(stdout).toBe("made\n");
    const piece = new Uint8Array(1024 * 1024);
    let left = 64;
    const upload = new ReadableStream<Uint8Array>({
      pull: (controller) => (left-- > 0 ? controller.enqueue(piece) : controller.close()),
    });
    await expect(volume.writeFile("/more", upload)).rejects.toThrow(
      /^507: Volume .* is full.*SANDBANK_VOLUME_MIB/,
    );
    await expect(volume.writeFile("/more", new Uint8Array(64 * 1024 * 1024).buffer)).rejects.toThrow(/^507/);
    const inside = await sandbox.commands.run("head -c 64M /dev/zero 2>&1 > /mnt/full/more || true");
    expect(inside.stdout).toContain("No space left on device");
    await volume.remove("/big");
    // In gVisor the room is free when the sandbox has noticed.
    await sandbox.commands.run("stat /mnt/full/big || true");
    await volume.writeFile("/more", "room again");
  } finally {
    await sandbox.kill();
  }
});

test("mounts that can't be are refused", async () => {
  const create = (volumeMounts: Record<string, string>) => Sandbox.create("base", { volumeMounts });
  await expect(create({ "/mnt": "no-such-volume" })).rejects.toThrow(
    "400: invalid mounts:\n\t- volume mount #0: volume 'no-such-volume' not found",
  );
  await expect(create({ "not/absolute": volume.name })).rejects.toThrow("400: invalid mounts");
});
