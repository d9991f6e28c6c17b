import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Sandbox } from "e2b";
import type { CloudUnderTest } from "../cloud.ts";

/** The fields of a sandbox's journal and runtime record that faults are made with. */
interface JournalRecord {
  slotIndex: number;
}
interface RuntimeRecord {
  process: { pid: number };
}

/** One living sandbox with the names of everything that it has in the kernel. */
export class Patient {
  readonly sandbox: Sandbox;
  readonly id: string;
  readonly dir: string;
  readonly hostDevice: string;
  readonly router: string;
  readonly guest: string;
  readonly hostAddress: string;
  /** Of its first process, or of its sentry. */
  readonly pid: number;

  constructor(under: CloudUnderTest, sandbox: Sandbox) {
    const { SANDBANK_TAG: tag = "", SANDBANK_HOST_PREFIX: prefix = "" } = under.cloud.settings;
    this.sandbox = sandbox;
    this.id = sandbox.sandboxId;
    this.dir = join(under.cloud.dir, "state", "sandboxes", this.id);
    const index = (readJson(join(this.dir, "record.json")) as JournalRecord).slotIndex;
    this.pid = (readJson(join(this.dir, "work", "runtime.json")) as RuntimeRecord).process.pid;
    this.hostDevice = `${tag}h${index}`;
    this.router = `${tag}-r-${index}`;
    this.guest = `${tag}-g-${index}`;
    this.hostAddress = `${prefix}.${index >> 8}.${index & 255}`;
  }

  /** Runs a shell line as root whose parent is envd, and does not wait for what becomes of it. */
  async actOnEnvd(line: string): Promise<void> {
    const handle = await this.sandbox.commands.run(`sleep 0.3; ${line}`, { background: true, user: "root" });
    await handle.disconnect();
  }
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));
