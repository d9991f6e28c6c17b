import { existsSync } from "node:fs";
import { findProgram } from "@sandbank/linux/program";
import { run, runUnchecked } from "@sandbank/linux/command";
import { AppError, errorText } from "@sandbank/core/errors";
import { lookUpPortHost } from "../doctor/port-host-lookup.ts";
import type { Progress } from "../output/progress.ts";

interface HostPackage {
  name: string;
  /** A file that shows it is there, any of them. */
  files: string[];
  why: string;
}

const needed: HostPackage[] = [
  {
    name: "iproute2",
    files: ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"],
    why: "makes network namespaces and devices",
  },
  {
    name: "nftables",
    files: ["/usr/sbin/nft"],
    why: "rewrites addresses and holds the egress rules in the kernel",
  },
  { name: "util-linux", files: ["/usr/bin/nsenter"], why: "enters a sandbox's network namespace" },
  {
    name: "e2fsprogs",
    files: ["/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"],
    why: "makes size-limited writable layers",
  },
  { name: "runc", files: ["/usr/sbin/runc", "/usr/bin/runc"], why: "runs sandboxes of the container tier" },
  {
    name: "conmon",
    files: ["/usr/bin/conmon"],
    why: "keeps a sandbox's console and exit code when the service restarts",
  },
  {
    name: "catatonit",
    files: ["/usr/bin/catatonit", "/usr/libexec/catatonit/catatonit"],
    why: "is the init of every sandbox",
  },
  { name: "mmdebstrap", files: ["/usr/bin/mmdebstrap"], why: "builds the base template" },
  {
    name: "debian-archive-keyring",
    files: ["/usr/share/keyrings/debian-archive-keyring.gpg"],
    why: "verifies the base template's packages",
  },
];

const neededByTests: HostPackage[] = [
  { name: "python3-venv", files: ["/usr/share/doc/python3-venv"], why: "holds Python's SDKs for the tests" },
  { name: "curl", files: ["/usr/bin/curl"], why: "is a client of its own in network tests" },
  {
    name: "faketime",
    files: ["/usr/bin/faketime"],
    why: "shifts doctor's clock, in tests of clocks that jump",
  },
];

const neededByBrowserTests: HostPackage[] = [
  {
    name: "chromium",
    files: ["/usr/bin/chromium"],
    why: "opens port URLs as people do, in the browser tests",
  },
  { name: "libnss3-tools", files: ["/usr/bin/certutil"], why: "tells that browser which authority to trust" },
];

/** Installs what only the browser tests need; false where there is no package of that browser (Ubuntu has a snap). */
export async function installBrowserPackages(progress: Progress): Promise<boolean> {
  const missing = neededByBrowserTests.filter(({ files }) => !files.some((file) => existsSync(file)));
  if (missing.some(({ name }) => name === "chromium")) {
    const { stdout } = await runUnchecked("apt-cache", ["policy", "chromium"]).catch(() => ({ stdout: "" }));
    if (!/Candidate: \d/.test(stdout)) return false;
  }
  if (missing.length > 0) await installPackages(missing, progress);
  return true;
}

/** Installs what only the tests need. */
export async function installTestPackages(progress: Progress): Promise<void> {
  const missing = neededByTests.filter(({ files }) => !files.some((file) => existsSync(file)));
  if (missing.length > 0) await installPackages(missing, progress);
}

/** Go, for building gVisor: whichever version the distribution has; it fetches a newer toolchain by itself. */
export async function ensureGo(progress: Progress): Promise<void> {
  if (findProgram("go") ?? findProgram("/usr/local/go/bin/go")) return;
  await installPackages(
    [{ name: "golang-go", why: "builds gVisor, once, from the Go module proxy" }],
    progress,
  );
}

/** Names of the packages that the cloud can't do without and that are not installed. */
export const missingPackages = (): string[] =>
  needed.filter(({ files }) => !files.some((file) => existsSync(file))).map(({ name }) => name);

/** Installs what this machine lacks, from the distribution's packages, and says what and why. */
export async function ensurePackages(progress: Progress): Promise<void> {
  const missing = needed.filter(({ files }) => !files.some((file) => existsSync(file)));
  if (missing.length > 0) await installPackages(missing, progress);
}

/** Port URLs by name for every program of this machine, where its resolver does not know them; a wish, not a need. */
export async function ensureLocalNames(domain: string, progress: Progress): Promise<void> {
  if (!/^(.*\.)?localhost(:\d+)?$/.test(domain) || "addresses" in (await lookUpPortHost(domain))) return;
  const why = "resolves *.localhost, so that port URLs work in every program";
  try {
    await installPackages([{ name: "libnss-myhostname", why }], progress);
  } catch (error) {
    progress.say(`port URLs by name work in browsers and curl only: ${errorText(error)}`);
  }
}

async function installPackages(packages: { name: string; why: string }[], progress: Progress): Promise<void> {
  if ((await runUnchecked("which", ["apt-get"])).exitCode !== 0) {
    throw new AppError({
      code: "failed_precondition",
      message: `missing here: ${packages.map(({ name }) => name).join(", ")}; only Debian's and Ubuntu's packages are installed automatically, so install them and run this again`,
    });
  }
  for (const { name, why } of packages) progress.say(`installing ${name}: ${why}`);
  const names = packages.map(({ name }) => name);
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8", DEBIAN_FRONTEND: "noninteractive" };
  await progress.step(`packages ${names.join(", ")}`, async (say) => {
    await run("apt-get", ["update", "-qq"], { env, timeoutMs: 300_000, onOutput: say });
    await run("apt-get", ["install", "-y", "--no-install-recommends", ...names], {
      env,
      timeoutMs: 900_000,
      onOutput: say,
    });
  });
}
