import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Browser, launch } from "puppeteer-core";

const run = promisify(execFile);

export interface TestBrowser extends AsyncDisposable {
  browser: Browser;
}

/** Debian's Chromium with a profile of its own; `authorityFile` is what its user has told it to trust. */
export async function startBrowser(authorityFile?: string): Promise<TestBrowser> {
  const home = await mkdtemp(join(tmpdir(), "sandbank-browser-"));
  const database = join(home, ".pki/nssdb");
  await mkdir(database, { recursive: true });
  await run("certutil", ["-d", `sql:${database}`, "-N", "--empty-password"]);
  if (authorityFile !== undefined) {
    await run("certutil", [
      "-d",
      `sql:${database}`,
      "-A",
      "-t",
      "C,,",
      "-n",
      "Sandbank",
      "-i",
      authorityFile,
    ]);
  }
  const browser = await launch({
    executablePath: "/usr/bin/chromium",
    userDataDir: join(home, "profile"),
    env: { PATH: process.env["PATH"], HOME: home, LANG: "C.UTF-8" },
    timeout: 60_000,
    args: [
      // Tests run as root, and machines for tests have small /dev/shm.
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--disable-gpu",
      // Nothing here asks the network outside.
      "--no-proxy-server",
      "--disable-background-networking",
      "--disable-component-update",
      "--no-first-run",
    ],
  });
  return {
    browser,
    async [Symbol.asyncDispose]() {
      await browser.close();
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
