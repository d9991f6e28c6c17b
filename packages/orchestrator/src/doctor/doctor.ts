import { existsSync } from "node:fs";
import { poll } from "@sandbank/core/deadline";
import { AppError, errorText } from "@sandbank/core/errors";
import { isSandboxId } from "@sandbank/core/ids";
import { Semaphore } from "@sandbank/core/semaphore";
import { type NetworkState, readNetwork } from "@sandbank/linux/ip";
import type { RuntimeDriver, RuntimeSandbox } from "@sandbank/runtime/contract";
import { slotNames } from "../network/addresses.ts";
import { Journal, type SandboxRecord } from "../sandbox/record.ts";
import {
  type Beliefs,
  compareBeliefs,
  missingReport,
  type NodeFacts,
  type StoredSandbox,
} from "./beliefs.ts";
import { endedReport } from "./ended.ts";
import type { ProxyAddress } from "./envd-checks.ts";
import { layers } from "./layers.ts";
import { findOrphans, type OrphanScope } from "./orphans.ts";
import type { NodeReport, Orphan, SandboxReport } from "./report.ts";
import { walkLayers, type WalkSubject } from "./walk.ts";

export interface DoctorOptions extends OrphanScope {
  /** Logs that are kept, also of ended sandboxes. */
  observeDir: string;
  drivers: RuntimeDriver[];
  proxy: ProxyAddress;
  envdToken: (sandboxId: string) => string | undefined;
  /** Undefined when no service can be asked. */
  facts: () => Promise<NodeFacts | undefined>;
  /** What the store takes for existing; undefined when it can't be asked. */
  stored: () => Promise<StoredSandbox[] | undefined>;
  /** The service's process; undefined when none runs. */
  servicePid: () => Promise<number | undefined>;
}

/** One sandbox as the journal and the runtime know it. */
export interface Patient {
  record: SandboxRecord;
  runtime: RuntimeSandbox | undefined;
}

/** Walks at the same time: mostly waiting for small programs to end. */
const maxWalks = 4;
const maxWaiting = 10_000;
const maxWaitMs = 120_000;
/** How long the store may lag behind the node (ms). */
const settleMs = 1_500;
/** How long what looks like a leak may be on its way (ms). */
const orphanSettleMs = 1_000;

/** Looks at this node's sandboxes and at what the kernel holds of them; needs no running service, and changes nothing. */
export class Doctor {
  readonly options: DoctorOptions;
  readonly #journal: Journal;

  constructor(options: DoctorOptions) {
    this.options = options;
    this.#journal = new Journal(options.sandboxesDir);
  }

  /** Everything, or one sandbox. Rejects with `not_found` for one of which nothing is known. */
  async examine(sandboxId?: string): Promise<NodeReport> {
    const before = await this.#beliefs();
    const host = await readNetwork();
    const entries = await this.entries();
    if (sandboxId !== undefined)
      return { sandboxes: [await this.#one(sandboxId, entries, before, host)], orphans: [] };
    const walks = new Semaphore({ name: "an examination", permits: maxWalks, maxWaiting, maxWaitMs });
    const reports = await Promise.all(
      entries
        .filter((entry) => !before.facts?.inMotion.includes(entry.sandboxId))
        .map((entry) => walks.run(() => this.#report(entry, before, host))),
    );
    const gone = await this.#missing(before);
    return {
      sandboxes: [...reports.filter((report) => report !== undefined), ...gone],
      orphans: await this.#orphans(before.facts, host),
    };
  }

  /** Every sandbox in the journal; none when there never was one. */
  async entries(): Promise<{ sandboxId: string; record: SandboxRecord | undefined }[]> {
    return existsSync(this.options.sandboxesDir) ? this.#journal.list() : [];
  }

  /** What is to be walked; undefined when the journal has no readable record of it. */
  async patient(sandboxId: string): Promise<Patient | undefined> {
    const record = (await this.entries()).find((entry) => entry.sandboxId === sandboxId)?.record;
    return record && { record, runtime: await this.#runtimeOf(record) };
  }

  subject(record: SandboxRecord, runtime: RuntimeSandbox, host?: NetworkState): WalkSubject {
    const { identity, drivers, envdToken, proxy } = this.options;
    const driver = drivers.find(({ name }) => name === record.driver);
    return {
      sandboxId: record.sandboxId,
      identity,
      names: slotNames(identity, record.slotIndex),
      runtime,
      ownNetworkStack: driver?.capabilities.ownNetworkStack ?? false,
      envdToken: envdToken(record.sandboxId),
      proxy,
      host,
    };
  }

  async #beliefs(): Promise<Beliefs> {
    const [facts, stored] = await Promise.all([this.options.facts(), this.options.stored()]);
    return { facts, stored };
  }

  async #runtimeOf(record: SandboxRecord | undefined): Promise<RuntimeSandbox | undefined> {
    if (!record) return undefined;
    const driver = this.options.drivers.find(({ name }) => name === record.driver);
    return driver?.find(record.sandboxId, this.#journal.workDir(record.sandboxId));
  }

  async #one(
    sandboxId: string,
    entries: { sandboxId: string; record: SandboxRecord | undefined }[],
    beliefs: Beliefs,
    host: NetworkState,
  ): Promise<SandboxReport> {
    const unknown = new AppError({
      code: "not_found",
      message: `nothing is known of a sandbox ${sandboxId}`,
    });
    if (!isSandboxId(sandboxId)) throw unknown;
    const entry = entries.find((each) => each.sandboxId === sandboxId);
    const report = entry && (await this.#report(entry, beliefs, host));
    if (report) return report;
    const ended = endedReport(this.options.observeDir, sandboxId);
    if (ended) return ended;
    const stored = beliefs.stored?.find((each) => each.sandboxId === sandboxId);
    if (stored) return missingReport(stored);
    throw unknown;
  }

  /** Undefined when the sandbox ended, or began to, while it was looked at. */
  async #report(
    { sandboxId, record }: { sandboxId: string; record: SandboxRecord | undefined },
    beliefs: Beliefs,
    host: NetworkState,
  ): Promise<SandboxReport | undefined> {
    const report = await this.#diagnose(sandboxId, record, beliefs, host);
    if (report.verdict === "healthy") return report;
    const stillThere = (await this.entries()).some((entry) => entry.sandboxId === sandboxId);
    const inMotion = (await this.options.facts())?.inMotion.includes(sandboxId);
    return stillThere && !inMotion ? report : undefined;
  }

  async #diagnose(
    sandboxId: string,
    record: SandboxRecord | undefined,
    beliefs: Beliefs,
    host: NetworkState,
  ): Promise<SandboxReport> {
    const isolation = record?.isolation ?? "unknown";
    try {
      const runtime = await this.#runtimeOf(record);
      if (!record || !runtime) return remains(sandboxId, isolation, record ? "runtime.json" : "record.json");
      const diagnosis = await walkLayers(this.subject(record, runtime, host));
      return compareBeliefs({ sandboxID: sandboxId, isolation, ...diagnosis }, beliefs);
    } catch (error) {
      // One sandbox that can't be examined must not hide the others.
      return {
        ...remains(sandboxId, isolation, ""),
        evidence: `it could not be examined: ${errorText(error)}`,
        meaning: "the programs that read the kernel's state failed",
        remedy: "run what the evidence names by hand",
      };
    }
  }

  /** What the store has running and the node has not; looked at twice, for creates and ends come in between. */
  async #missing({ stored, facts }: Beliefs): Promise<SandboxReport[]> {
    const known = new Set((await this.entries()).map(({ sandboxId }) => sandboxId));
    const suspects = stored?.filter(
      ({ sandboxId, state }) =>
        state === "running" && !known.has(sandboxId) && !facts?.inMotion.includes(sandboxId),
    );
    if (!suspects || suspects.length === 0) return [];
    const still = async (): Promise<StoredSandbox[]> => {
      const now = await this.options.stored();
      return suspects.filter((each) =>
        now?.some(({ sandboxId, state }) => sandboxId === each.sandboxId && state === "running"),
      );
    };
    // A service that runs learns of an end a moment after the node; without one nothing changes any more.
    const settled = async () => ((await still()).length === 0 ? true : undefined);
    if (facts && (await poll(settled, { timeoutMs: settleMs, intervalMs: 100 }))) return [];
    return (await still()).map((each) => missingReport(each));
  }

  /** What is left when all that was being made or removed, or waited to be reaped, has had its time. */
  async #orphans(before: NodeFacts | undefined, host: NetworkState): Promise<Orphan[]> {
    let suspects = await this.#lookForOrphans(before, host);
    const settled = async (): Promise<true | undefined> => {
      if (suspects.length === 0) return true;
      const now = await this.#lookForOrphans(await this.options.facts(), await readNetwork());
      suspects = suspects.filter(({ kind, name }) =>
        now.some((each) => each.kind === kind && each.name === name),
      );
      return undefined;
    };
    await poll(settled, { timeoutMs: orphanSettleMs, intervalMs: 200 });
    return suspects;
  }

  async #lookForOrphans(before: NodeFacts | undefined, host: NetworkState): Promise<Orphan[]> {
    const entries = await this.entries();
    const runtimes = await Promise.all(entries.map(({ record }) => this.#runtimeOf(record)));
    const pids = runtimes.map((runtime) => runtime?.pid ?? 0).filter((pid) => pid > 0);
    const servicePid = await this.options.servicePid();
    const slots = entries.flatMap(({ record }) => (record ? [record.slotIndex] : []));
    const facts = await this.options.facts();
    // A service that runs and does not answer has a pool that nobody else knows.
    const silent = servicePid !== undefined && facts === undefined;
    return findOrphans(
      this.options,
      {
        sandboxIds: new Set([
          ...entries.map(({ sandboxId }) => sandboxId),
          ...(before?.inMotion ?? []),
          ...(facts?.inMotion ?? []),
        ]),
        slots: silent ? undefined : new Set([...slots, ...(before?.slots ?? []), ...(facts?.slots ?? [])]),
        pids: new Set([...pids, ...(servicePid === undefined ? [] : [servicePid])]),
      },
      host,
    );
  }
}

const remains = (sandboxID: string, isolation: string, missing: string): SandboxReport => ({
  sandboxID,
  isolation,
  verdict: "broken",
  layer: "envd",
  evidence: `the journal has its folder, but no readable ${missing}`,
  meaning: "a create or an end of the sandbox was cut short: nothing of it runs",
  remedy: layers.envd.remedy(sandboxID),
  layers: [],
});
