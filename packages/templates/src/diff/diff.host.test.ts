import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { BuildManifest } from "@sandbank/protocol/build-manifest";
import { expect, onTestFinished, test } from "vitest";
import { readBuildFacts } from "./build-facts.ts";
import { diffBuilds, type Difference } from "./diff-builds.ts";

const manifest = (layers: string[], changes: Partial<BuildManifest> = {}): BuildManifest => ({
  buildId: "00000000-0000-4000-8000-000000000001",
  templateId: "t",
  layers,
  cpuCount: 2,
  memoryMib: 512,
  diskMib: 1024,
  defaultUser: "user",
  defaultWorkdir: "/home/user",
  envdVersion: "0.6.13",
  ...changes,
});

const dpkg = (packages: Record<string, string>): string =>
  Object.entries(packages)
    .map(
      ([name, version]) =>
        `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${version}\n`,
    )
    .join("\n");

async function layersOf(layers: Record<string, Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "sandbank-diff-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  for (const [layer, files] of Object.entries(layers)) {
    await mkdir(join(dir, layer), { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      const file = join(dir, layer, path);
      await mkdir(dirname(file), { recursive: true });
      if (text.startsWith("→ ")) await symlink(text.slice(2), file);
      else await writeFile(file, text);
    }
  }
  return dir;
}

const base = {
  "etc/passwd": "root:x:0:0::/root:/bin/bash\nuser:x:1000:1000::/home/user:/bin/bash\n",
  "etc/group": "root:x:0:\nuser:x:1000:\n",
  "etc/shadow": "root::1::::::\nuser:!:1::::::\n",
  "etc/hosts": "127.0.0.1 localhost\n",
  "etc/resolv.conf": "→ /run/systemd/resolve/stub-resolv.conf",
  "sbin/init": "→ /lib/systemd/systemd",
  "usr/sbin/ip": "program",
  "var/lib/dpkg/status": dpkg({ bash: "5.2", curl: "7.88" }),
};

async function differencesOf(
  dir: string,
  a: BuildManifest,
  b: BuildManifest,
): Promise<Record<string, Difference[]>> {
  const sections = diffBuilds(await readBuildFacts(a, dir), await readBuildFacts(b, dir));
  return Object.fromEntries(
    sections
      .filter(({ differences }) => differences.length > 0)
      .map(({ section, differences }) => [section, differences]),
  );
}

test("a build and itself", async () => {
  const dir = await layersOf({ base });
  expect(await differencesOf(dir, manifest(["base"]), manifest(["base"]))).toEqual({});
});

test("what an upper layer changes, adds and hides, as the kernel shows it", async () => {
  const upper = {
    "etc/passwd": `${base["etc/passwd"]}app:x:2000:2000::/app:/bin/sh\n`,
    "etc/network/interfaces": "auto eth0\niface eth0 inet dhcp\n",
    "usr/bin/envd": "another daemon",
    "var/lib/dpkg/status": dpkg({ bash: "5.2", curl: "7.99", jq: "1.6" }),
  };
  const dir = await layersOf({ base, upper });
  // As overlay and OCI images mark what is deleted.
  for (const path of ["usr/sbin/ip", "sbin/init"]) {
    await mkdir(dirname(join(dir, "upper", path)), { recursive: true });
    execFileSync("mknod", [join(dir, "upper", path), "c", "0", "0"]);
  }
  const a = manifest(["base"]);
  const b = manifest(["base", "upper"], {
    startCommand: "python app.py",
    memoryMib: 1024,
    envdVersion: "0.5.0",
  });
  const found = await differencesOf(dir, a, b);
  expect(found["init"]).toEqual([{ name: "/sbin/init", a: "→ /lib/systemd/systemd", b: null }]);
  expect(found["envd"]).toEqual([
    { name: "/usr/bin/envd", a: null, b: "another daemon" },
    { name: "protocol version", a: "0.6.13", b: "0.5.0" },
  ]);
  expect(found["network"]).toEqual([
    { name: "/etc/network/interfaces", a: null, b: "auto eth0 ⏎ iface eth0 inet dhcp" },
    { name: "program ip", a: "/usr/sbin/ip", b: null },
  ]);
  expect(found["users"]).toEqual([{ name: "user app", a: null, b: "2000:2000 /app /bin/sh" }]);
  expect(found["start"]).toEqual([{ name: "start command", a: null, b: "python app.py" }]);
  expect(found["packages"]).toEqual([
    { name: "curl", a: "7.88", b: "7.99" },
    { name: "jq", a: null, b: "1.6" },
  ]);
  expect(found["sizes"]?.map(({ name }) => name)).toEqual([
    "bytes",
    "files",
    "layer upper",
    "layers",
    "memory",
  ]);
  expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain("sandbank-layers-");
});

test("packages of Alpine and of images without a package manager; passwords", async () => {
  const dir = await layersOf({
    alpine: {
      "lib/apk/db/installed": "C:Q1\nP:musl\nV:1.2.5-r0\n\nC:Q2\nP:busybox\nV:1.36-r1\n",
      "etc/shadow": "root:$6$x:1::::::\n",
    },
    distroless: {
      "var/lib/dpkg/status.d/libc6": "Package: libc6\nVersion: 2.36\n",
      "etc/shadow": "root:*:1::::::\n",
    },
  });
  const found = await differencesOf(dir, manifest(["alpine"]), manifest(["distroless"]));
  expect(found["packages"]).toEqual([
    { name: "busybox", a: "1.36-r1", b: null },
    { name: "libc6", a: null, b: "2.36" },
    { name: "musl", a: "1.2.5-r0", b: null },
  ]);
  expect(found["users"]).toEqual([{ name: "password of root", a: "set", b: "locked" }]);
});

test("a layer that is missing is named", async () => {
  const dir = await layersOf({ base });
  await expect(readBuildFacts(manifest(["base", "gone"]), dir)).rejects.toThrow("gone");
});
