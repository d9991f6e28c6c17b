import type { RootView } from "@sandbank/linux/root-view";

/** Installed packages by name: dpkg's (also of images without dpkg itself) and apk's. Several architectures of one count as one each. */
export function installedPackages(root: RootView): Map<string, string> {
  const packages = new Map<string, string>();
  const stanzas = [
    root.text("/var/lib/dpkg/status") ?? "",
    ...root.list("/var/lib/dpkg/status.d").map((name) => root.text(`/var/lib/dpkg/status.d/${name}`) ?? ""),
  ].flatMap((text) => text.split(/\n\n+/));
  for (const stanza of stanzas) addDebian(packages, stanza);
  for (const stanza of (root.text("/lib/apk/db/installed") ?? "").split(/\n\n+/)) addAlpine(packages, stanza);
  return packages;
}

function addDebian(packages: Map<string, string>, stanza: string): void {
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "m").exec(stanza)?.[1];
  const name = field("Package");
  const version = field("Version");
  // Removed packages whose settings were kept are listed too.
  const isInstalled = (field("Status") ?? "install ok installed").endsWith(" installed");
  if (name === undefined || version === undefined || !isInstalled) return;
  const key = packages.has(name) ? `${name}:${field("Architecture") ?? ""}` : name;
  packages.set(key, version);
}

function addAlpine(packages: Map<string, string>, stanza: string): void {
  const name = /^P:(.*)$/m.exec(stanza)?.[1];
  const version = /^V:(.*)$/m.exec(stanza)?.[1];
  if (name !== undefined && version !== undefined) packages.set(name, version);
}
