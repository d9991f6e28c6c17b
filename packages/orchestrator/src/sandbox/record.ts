import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isSandboxId } from "@sandbank/core/ids";
import { type EgressPolicy, openPolicy } from "@sandbank/protocol/egress-policy";

/** What this node writes down about a sandbox before it starts it, so that a later process can take it over. */
export interface SandboxRecord {
  sandboxId: string;
  templateId: string;
  buildId: string;
  driver: string;
  isolation: string;
  slotIndex: number;
  /** `starting` records belong to creates that died with their process: they are taken down, not over. */
  state: "starting" | "running";
  startedAtMs: number;
  cpuCount: number;
  memoryMib: number;
  diskMib: number;
  /** What it may reach; may hold credentials of a proxy and values of headers. */
  egress: EgressPolicy;
  /** Fingerprint of the authority that its programs were told to trust; undefined while it has never had a rule. */
  authority?: string | undefined;
  /** Volumes that it has mounted; absent in records of versions that had none. */
  volumeIds?: string[] | undefined;
  trafficTokenHash?: string | undefined;
  maskRequestHost?: string | undefined;
  httpsPorts?: number[] | undefined;
}

/** The node's journal: one folder per sandbox with its record and the driver's files. */
export class Journal {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** The driver's private folder of a sandbox. */
  workDir(sandboxId: string): string {
    return join(this.#dir(sandboxId), "work");
  }

  async create(record: SandboxRecord): Promise<void> {
    // The root of a sandbox's user namespace is nobody here, and must be able to walk down to its own files.
    await mkdir(this.#dir(record.sandboxId), { recursive: true, mode: 0o711 });
    await mkdir(this.workDir(record.sandboxId), { mode: 0o700 });
    await this.write(record);
  }

  /** Replaces the record in one step: a reader sees the old or the new one. */
  async write(record: SandboxRecord): Promise<void> {
    const file = join(this.#dir(record.sandboxId), "record.json");
    await writeFile(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  /** Ids of all folders, with the record where a readable one is there. */
  async list(): Promise<{ sandboxId: string; record: SandboxRecord | undefined }[]> {
    await mkdir(this.#root, { recursive: true, mode: 0o711 });
    const ids = (await readdir(this.#root)).filter(isSandboxId);
    return Promise.all(ids.map(async (sandboxId) => ({ sandboxId, record: await this.#read(sandboxId) })));
  }

  /** Only ever called when nothing is mounted below any more. */
  async remove(sandboxId: string): Promise<void> {
    await rm(this.#dir(sandboxId), { recursive: true, force: true });
  }

  async #read(sandboxId: string): Promise<SandboxRecord | undefined> {
    try {
      const text = await readFile(join(this.#dir(sandboxId), "record.json"), "utf8");
      const record = JSON.parse(text) as Omit<SandboxRecord, "egress"> & Partial<SandboxRecord>;
      // A record of a version before there were policies has none; the rules that are in force hold on.
      return { ...record, egress: record.egress ?? openPolicy };
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === "ENOENT" || error instanceof SyntaxError;
      if (missing) return undefined;
      throw error;
    }
  }

  #dir(sandboxId: string): string {
    // Ids come from other processes' folders and requests: nothing but an id may become a path.
    if (!isSandboxId(sandboxId)) throw new Error(`not a sandbox id: ${sandboxId}`);
    return join(this.#root, sandboxId);
  }
}
