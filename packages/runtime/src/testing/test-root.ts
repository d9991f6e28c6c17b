import { existsSync, renameSync, rmSync } from "node:fs";
import { run } from "@sandbank/linux/command";

const sharedRoot = "/var/cache/sandbank/test-root";

/** A layer with Debian and python3, made once per machine (20 s). */
export async function testRootLayer(): Promise<string> {
  if (existsSync(sharedRoot)) return sharedRoot;
  const draft = `${sharedRoot}.draft`;
  rmSync(draft, { recursive: true, force: true });
  await run("mmdebstrap", ["--variant=minbase", "--include=python3", "bookworm", draft], {
    timeoutMs: 300_000,
  });
  renameSync(draft, sharedRoot);
  return sharedRoot;
}
