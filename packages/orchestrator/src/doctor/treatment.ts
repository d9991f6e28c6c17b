import { AppError, errorText } from "@sandbank/core/errors";
import { isSandboxId } from "@sandbank/core/ids";
import { kernelEgress } from "../egress/kernel-egress.ts";
import { ensureHostNetwork } from "../network/host-network.ts";
import { hostResolvers } from "../network/resolvers.ts";
import { routerRuleset } from "../network/rulesets.ts";
import type { Doctor, Patient } from "./doctor.ts";
import { inRemovalOrder, removeOrphan } from "./remove-orphan.ts";
import { repairNetwork } from "./repair-network.ts";
import type { Fix, Orphan, SandboxReport } from "./report.ts";
import { type Diagnosis, walkLayers } from "./walk.ts";

export interface TreatmentOptions {
  doctor: Doctor;
  /** Ends what is left of a sandbox whose processes are gone, as its owner would; resolves when nothing is left. */
  clear: (sandboxId: string) => Promise<void>;
  /** Makes ready slots anew, where this process has some. */
  renewSlots?: () => Promise<void>;
}

/** Repairing one layer may uncover the next; more than so many belong to somebody who goes on breaking them. */
const maxRounds = 4;
/** Name of the host's side of all slots, as the check of it is called. */
const hostNetwork = "host-network";
const pathLayers = new Set(["device", "link", "carrier", "address", "route", "port"]);

/** Repairs one sandbox, or one leaked resource, and touches nothing else. */
export class Treatment {
  readonly #options: TreatmentOptions;

  constructor(options: TreatmentOptions) {
    this.#options = options;
  }

  /**
   * `target`: a sandbox id, the name of an orphan, or `host-network`; without one everything that is not as it should be,
   * one by one.
   */
  async fix(target?: string): Promise<Fix[]> {
    const { doctor } = this.#options;
    if (target === hostNetwork) return [await this.#hostNetwork()];
    if (target !== undefined && isSandboxId(target)) {
      const { sandboxes } = await doctor.examine(target);
      return Promise.all(sandboxes.map((report) => this.#sandbox(report)));
    }
    const { sandboxes, orphans } = await doctor.examine();
    if (target !== undefined) return [await this.#orphan(orphanNamed(orphans, target))];
    const fixes: Fix[] = [];
    if (sandboxes.length > 0 || (await doctor.options.facts())) {
      const shared = await this.#hostNetwork();
      if (shared.did.length > 0) fixes.push(shared);
    }
    for (const report of sandboxes.filter(({ verdict }) => verdict !== "healthy")) {
      fixes.push(await this.#sandbox(report));
    }
    // What belonged to a sandbox that was cleared away has gone with it.
    const left = fixes.length > 0 ? (await doctor.examine()).orphans : orphans;
    for (const orphan of inRemovalOrder(left)) fixes.push(await this.#orphan(orphan));
    return fixes;
  }

  /** What all sandboxes share; done is only what was missing. */
  async #hostNetwork(): Promise<Fix> {
    try {
      return { target: hostNetwork, ok: true, did: await this.#ensureHostNetwork() };
    } catch (error) {
      return { target: hostNetwork, ok: false, did: [`stopped: ${errorText(error)}`] };
    }
  }

  async #ensureHostNetwork(): Promise<string[]> {
    const { doctor, renewSlots } = this.#options;
    const steps = await ensureHostNetwork(doctor.options.identity, await hostResolvers());
    if (steps.length === 0 || !renewSlots) return steps;
    // Routes of ready slots went with what was missing.
    await renewSlots();
    return [...steps, "made the slots that wait for sandboxes anew"];
  }

  async #orphan(orphan: Orphan): Promise<Fix> {
    try {
      return await removeOrphan(orphan);
    } catch (error) {
      return { target: orphan.name, ok: false, did: [`could not remove it: ${errorText(error)}`] };
    }
  }

  async #sandbox(report: SandboxReport): Promise<Fix> {
    const { sandboxID } = report;
    const did: string[] = [];
    try {
      const ok = await this.#treat(report, did);
      return { target: sandboxID, ok, did: did.length > 0 ? did : ["nothing: it is healthy"] };
    } catch (error) {
      return { target: sandboxID, ok: false, did: [...did, `stopped: ${errorText(error)}`] };
    }
  }

  /** Whether it is healthy, or gone without a trace, in the end. */
  async #treat(report: SandboxReport, did: string[]): Promise<boolean> {
    const { doctor } = this.#options;
    const { sandboxID } = report;
    let diagnosis: Diagnosis = report;
    for (let round = 0; round < maxRounds && diagnosis.verdict !== "healthy"; round++) {
      const patient = await doctor.patient(sandboxID);
      if (!patient?.runtime?.isAlive()) return this.#clear(sandboxID, did);
      const { record, runtime } = patient;
      const steps = await this.#repair(patient, diagnosis);
      if (steps.length === 0) break;
      did.push(...steps);
      const before = diagnosis.layer;
      diagnosis = await walkLayers(doctor.subject(record, runtime));
      if (diagnosis.layer === before) break;
    }
    if (diagnosis.verdict === "healthy") return true;
    did.push(`can't repair layer ${diagnosis.layer}: ${diagnosis.meaning ?? ""}. ${diagnosis.remedy ?? ""}`);
    return false;
  }

  async #repair(patient: Patient, { layer }: Diagnosis): Promise<string[]> {
    const { record, runtime } = patient;
    if (!runtime || layer === null) return [];
    if (layer === "envd") return runtime.wake();
    if (!pathLayers.has(layer)) return [];
    const subject = this.#options.doctor.subject(record, runtime);
    const resolvers = await hostResolvers();
    const rules = `flush ruleset\n${routerRuleset(subject.names, kernelEgress(record.egress, resolvers))}`;
    return [...(await this.#ensureHostNetwork()), ...(await repairNetwork({ subject, rules }))];
  }

  async #clear(sandboxId: string, did: string[]): Promise<boolean> {
    const known = (await this.#options.doctor.entries()).some((entry) => entry.sandboxId === sandboxId);
    if (!known) {
      did.push("nothing of it is left on this node; the service tells the store");
      return true;
    }
    await this.#options.clear(sandboxId);
    did.push("its processes had ended: removed its network, mounts, disk, control group and journal");
    return true;
  }
}

function orphanNamed(orphans: Orphan[], name: string): Orphan {
  const found = orphans.find((orphan) => orphan.name === name);
  if (found) return found;
  const known = orphans.map((orphan) => orphan.name).join(", ") || "none";
  throw new AppError({ code: "not_found", message: `no leaked resource is called ${name}; known: ${known}` });
}
