import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "@sandbank/core/errors";
import { escapeOverlayPath, mount, mountFlags, unmount } from "@sandbank/linux/mount";
import { RootView } from "@sandbank/linux/root-view";
import type { BuildManifest } from "@sandbank/protocol/build-manifest";
import { type LayerSize, layerSize } from "./layer-size.ts";
import { installedPackages } from "./packages.ts";

/** What matters for boot, in the order in which it is needed. */
export const factSections = ["init", "envd", "network", "users", "start", "sizes", "packages"] as const;
export type FactSection = (typeof factSections)[number];

/** One build: by section, what is the case. Every value is short enough for a table. */
export type BuildFacts = Record<FactSection, Map<string, string>>;

const networkFiles = [
  "/etc/hostname",
  "/etc/hosts",
  "/etc/resolv.conf",
  "/etc/nsswitch.conf",
  "/etc/gai.conf",
  "/etc/network/interfaces",
];
const networkFolders = [
  "/etc/network/interfaces.d",
  "/etc/netplan",
  "/etc/systemd/network",
  "/etc/NetworkManager/system-connections",
  "/etc/sysctl.d",
];
const networkPrograms = ["ip", "ifup", "udhcpc", "dhclient", "systemd-networkd", "iptables", "nft"];
const initFiles = ["/sbin/init", "/init", "/etc/inittab", "/etc/rc.local", "/lib/systemd/systemd"];
const initFolders = [
  "/etc/init.d",
  "/etc/runlevels",
  "/etc/systemd/system",
  "/etc/systemd/system/multi-user.target.wants",
];
const programFolders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/lib/systemd", "/lib/systemd"];
const envdPlaces = ["/usr/bin/envd", "/usr/local/bin/envd"];
const envdUnits = ["/etc/systemd/system/envd.service", "/etc/init.d/envd"];

/** Reads a build's manifest and layers. Needs root when there are several layers: they are mounted for the time. */
export async function readBuildFacts(manifest: BuildManifest, layersDir: string): Promise<BuildFacts> {
  const layers = manifest.layers.map((layer) => join(layersDir, layer));
  const sizes: LayerSize[] = [];
  for (const layer of layers) sizes.push(await layerSize(layer).catch(missingLayer(manifest, layer)));
  return withRoot(layers, (root) => ({
    init: files(root, initFiles, initFolders),
    envd: new Map([
      ["protocol version", manifest.envdVersion],
      ...files(root, [...envdPlaces, ...envdUnits]),
    ]),
    network: new Map([...files(root, networkFiles, networkFolders), ...programs(root)]),
    users: users(root),
    start: start(manifest),
    sizes: sizeFacts(manifest, sizes),
    packages: installedPackages(root),
  }));
}

const missingLayer =
  ({ buildId }: BuildManifest, layer: string) =>
  (error: unknown): never => {
    const message = `the layer ${layer} of build ${buildId} can't be read`;
    throw new AppError({ code: "failed_precondition", message, cause: error });
  };

/** The layers as a sandbox sees them; the kernel knows best what one hides of another. */
function withRoot<T>(layers: string[], use: (root: RootView) => T): T {
  const [only] = layers;
  if (only !== undefined && layers.length === 1) {
    using root = new RootView(only);
    return use(root);
  }
  const target = mkdtempSync(join(tmpdir(), "sandbank-layers-"));
  try {
    const { readonly, nosuid, nodev, noexec } = mountFlags;
    mount({
      source: "overlay",
      target,
      type: "overlay",
      flags: readonly | nosuid | nodev | noexec,
      data: `lowerdir=${layers.toReversed().map(escapeOverlayPath).join(":")}`,
    });
    using root = new RootView(target);
    return use(root);
  } finally {
    unmount(target);
    rmdirSync(target);
  }
}

function files(root: RootView, paths: string[], folders: string[] = []): Map<string, string> {
  const facts = new Map<string, string>();
  const inFolders = folders.flatMap((folder) => root.list(folder).map((name) => `${folder}/${name}`));
  for (const path of [...paths, ...inFolders]) {
    const fact = fileFact(root, path);
    if (fact !== undefined) facts.set(path, fact);
  }
  return facts;
}

/** Where a link leads; a short text as it is; else size and the beginning of the hash. */
function fileFact(root: RootView, path: string): string | undefined {
  const link = root.link(path);
  if (link !== undefined) return `→ ${link}`;
  const bytes = root.read(path);
  if (bytes === undefined) return root.list(path).join(" ") || undefined;
  const text = bytes.toString().trim();
  if (bytes.length <= 200 && !bytes.includes(0)) return text.split("\n").join(" ⏎ ");
  return `${bytes.length} bytes, sha256 ${root.hash(path)?.slice(0, 16)}`;
}

const programs = (root: RootView): Map<string, string> =>
  new Map(
    networkPrograms.flatMap((name) => {
      const folder = programFolders.find((place) => root.list(place).includes(name));
      return folder === undefined ? [] : [[`program ${name}`, `${folder}/${name}`] as const];
    }),
  );

/** Who there is, with what; whether a password is set matters for su and sudo. */
function users(root: RootView): Map<string, string> {
  const facts = new Map<string, string>();
  for (const [name, , uid, gid, , home, shell] of lines(root, "/etc/passwd")) {
    facts.set(`user ${name}`, `${uid}:${gid} ${home} ${shell}`);
  }
  for (const [name, , gid, members] of lines(root, "/etc/group")) {
    facts.set(`group ${name}`, members ? `${gid} ${members}` : `${gid}`);
  }
  for (const [name, password = ""] of lines(root, "/etc/shadow")) {
    facts.set(`password of ${name}`, /^[!*]/.test(password) ? "locked" : password === "" ? "none" : "set");
  }
  for (const [path, fact] of files(root, ["/etc/sudoers"], ["/etc/sudoers.d"])) facts.set(path, fact);
  return facts;
}

const lines = (root: RootView, path: string): string[][] =>
  (root.text(path) ?? "")
    .split("\n")
    .filter((line) => line.includes(":") && !line.startsWith("#"))
    .map((line) => line.split(":"));

function start(manifest: BuildManifest): Map<string, string> {
  const { startCommand, readyCommand, defaultUser, defaultWorkdir } = manifest;
  const facts = new Map([
    ["default user", defaultUser],
    ["default working directory", defaultWorkdir],
  ]);
  if (startCommand !== undefined) facts.set("start command", startCommand);
  if (readyCommand !== undefined) facts.set("ready command", readyCommand);
  return facts;
}

function sizeFacts(manifest: BuildManifest, sizes: LayerSize[]): Map<string, string> {
  const facts = new Map([
    ["CPUs", String(manifest.cpuCount)],
    ["memory", `${manifest.memoryMib} MiB`],
    ["disk", `${manifest.diskMib} MiB`],
    ["layers", String(sizes.length)],
    ["files", String(sizes.reduce((sum, { files: count }) => sum + count, 0))],
    ["bytes", String(sizes.reduce((sum, { bytes }) => sum + bytes, 0))],
  ]);
  for (const [index, layer] of manifest.layers.entries()) {
    const size = sizes[index];
    facts.set(`layer ${layer}`, `${size?.files ?? 0} files, ${size?.bytes ?? 0} bytes`);
  }
  return facts;
}
