import type { NetworkState } from "@sandbank/linux/ip";
import { readStat, stateText } from "@sandbank/linux/process";
import type { RuntimeSandbox } from "@sandbank/runtime/contract";
import { type NetworkIdentity, type SlotNames } from "../network/addresses.ts";
import { consoleEntry } from "../observe/log-entry.ts";
import { slotPlan } from "../network/slot-plan.ts";
import type { NodeSandbox } from "../sandbox/registry.ts";
import {
  checkCommand,
  checkDisk,
  checkEnvd,
  checkPort,
  checkProxy,
  explainSilence,
  processesText,
  type ProxyAddress,
} from "./envd-checks.ts";
import { layers } from "./layers.ts";
import { type Finding, lostForGood, pathChecks, suspectRules } from "./path-checks.ts";
import { type LayerName, layerNames, type LayerResult, type Verdict } from "./report.ts";
import { readSlot, type SlotReading } from "./slot-reading.ts";

export interface WalkSubject {
  sandboxId: string;
  identity: NetworkIdentity;
  names: SlotNames;
  runtime: RuntimeSandbox;
  /** The guest keeps its addresses where the host's kernel does not see them. */
  ownNetworkStack: boolean;
  envdToken?: string | undefined;
  proxy?: ProxyAddress | undefined;
  /** The host's namespace as it is now, when it has been read for many sandboxes. */
  host?: NetworkState | undefined;
}

/** A sandbox of this process; without a token and a proxy the walk goes up to envd. */
export const subjectOf = (
  identity: NetworkIdentity,
  { record, runtime, driver, slot }: Pick<NodeSandbox, "record" | "runtime" | "driver" | "slot">,
): WalkSubject => ({
  sandboxId: record.sandboxId,
  identity,
  names: slot.names,
  runtime,
  ownNetworkStack: driver.capabilities.ownNetworkStack,
});

/** What a walk found: the first layer that is broken, else the first that is not as it should be, with its words. */
export interface Diagnosis {
  verdict: Verdict;
  layer: LayerName | null;
  evidence: string;
  meaning: string | null;
  remedy: string | null;
  layers: LayerResult[];
}

/** For envd on a way that is broken already: most often nothing comes (ms). */
const quickAnswerMs = 700;
const consoleTailBytes = 2_000;
const consoleLines = 3;

/**
 * Examines a sandbox from its devices up to `last` and stops at the first broken layer. Bounded in time (5 s even where
 * nothing answers), changes nothing. Rejects only when the host's own programs (`ip`, `nft`) can't be run.
 */
export async function walkLayers(subject: WalkSubject, last: LayerName = "proxy"): Promise<Diagnosis> {
  const walk = new Walk(subject, layerNames.indexOf(last));
  return walk.run();
}

class Walk {
  readonly #subject: WalkSubject;
  readonly #last: number;
  readonly #results: LayerResult[] = [];
  /** The first that is not as it should be although the way goes on. */
  #flaw: { layer: LayerName; finding: Finding } | undefined;

  constructor(subject: WalkSubject, last: number) {
    this.#subject = subject;
    this.#last = last;
  }

  async run(): Promise<Diagnosis> {
    const { names, identity, runtime, host, ownNetworkStack } = this.#subject;
    let began = performance.now();
    const reading = await readSlot(names, runtime.pid, host);
    const plan = slotPlan(names, identity);
    for (const [layer, check] of pathChecks) {
      const finding = check({ plan, reading, ownNetworkStack });
      if (!this.#note(layer, began, finding)) return this.#pathBroken(layer, finding);
      if (this.#done(layer)) return this.#well();
      began = performance.now();
    }
    return this.#upwards(reading);
  }

  /** Traffic may get through all the same, by a way that nobody planned. */
  async #pathBroken(layer: LayerName, finding: Finding): Promise<Diagnosis> {
    const { ok } = await checkEnvd(this.#subject.names.hostAddress, quickAnswerMs);
    return this.#diagnosis(ok ? "degraded" : "broken", layer, {
      ...finding,
      evidence: ok ? `${finding.evidence}; envd answers all the same` : finding.evidence,
    });
  }

  async #upwards(reading: SlotReading): Promise<Diagnosis> {
    const { names, runtime, sandboxId, envdToken, proxy } = this.#subject;
    const asleep = this.#processTrouble();
    if (asleep) return this.#broken("envd", performance.now(), asleep);

    let began = performance.now();
    const port = await checkPort(names.hostAddress);
    if (!port.ok) return this.#portBroken(began, port, reading);
    this.#note("port", began, port);
    if (this.#done("port")) return this.#well();

    began = performance.now();
    const envd = await checkEnvd(names.hostAddress);
    if (!envd.ok && !envd.degradesOnly) {
      const processes = runtime.processes();
      const evidence = `${envd.evidence}; ${processesText(processes)}`;
      return this.#broken("envd", began, { ...envd, ...explainSilence(processes), evidence });
    }
    this.#note("envd", began, envd);
    if (this.#done("envd")) return this.#well();

    began = performance.now();
    const command = await checkCommand(names.hostAddress, envdToken);
    const disk = checkDisk(runtime.usage());
    if (!command.ok) {
      const evidence = disk ? `${command.evidence}; ${disk.evidence}` : command.evidence;
      return this.#broken("command", began, { ...command, ...disk, evidence });
    }
    this.#note("command", began, disk ?? command);
    if (this.#done("command") || !proxy) return this.#well();

    began = performance.now();
    const carried = await checkProxy(sandboxId, proxy);
    if (!carried.ok) return this.#broken("proxy", began, carried);
    this.#note("proxy", began, carried);
    return this.#well();
  }

  /** A sandbox whose first process is stopped or gone listens nowhere: its port says nothing then. */
  #processTrouble(): Finding | undefined {
    const { runtime } = this.#subject;
    const stat = readStat(runtime.pid);
    if (!runtime.isAlive() || stat === undefined) {
      const state = stat === undefined ? "does not exist" : `is ${stateText(stat.state)}`;
      return {
        ok: false,
        evidence: `the sandbox's first process, pid ${runtime.pid}, ${state}`,
        meaning: "the sandbox has ended: envd and everything that ran in it are gone",
        remedy: `sandbank doctor ${this.#subject.sandboxId} --fix takes its remains away; then create another`,
      };
    }
    if (stat.state !== "T") return undefined;
    const processes = runtime.processes();
    return { ok: false, evidence: processesText(processes), ...explainSilence(processes) };
  }

  #portBroken(
    began: number,
    finding: Finding & { addressAnswers: boolean },
    reading: SlotReading,
  ): Promise<Diagnosis> {
    const suspects = suspectRules(reading);
    const hint = suspects.length > 0 ? `; not ours: ${suspects.slice(0, 3).join(", ")}` : "";
    const evidence = `${finding.evidence}${hint}; ${processesText(this.#subject.runtime.processes())}`;
    const foreign = suspects.length === 0 ? {} : this.#foreignRule();
    if (finding.addressAnswers) return this.#broken("port", began, { ...finding, ...foreign, evidence });
    if (suspects.length > 0) return this.#broken("route", began, { ok: false, ...foreign, evidence });
    if (!this.#subject.ownNetworkStack) return this.#broken("route", began, { ok: false, evidence });
    return this.#broken("address", began, {
      ok: false,
      evidence,
      ...lostForGood,
    });
  }

  #foreignRule(): Pick<Finding, "meaning" | "remedy"> {
    return {
      meaning: "a rule that no sandbox is made with refuses or drops the packets to it",
      remedy: `sandbank doctor ${this.#subject.sandboxId} --fix puts the rules back as they were made`,
    };
  }

  /** False when the walk ends here. */
  #note(layer: LayerName, began: number, finding: Finding): boolean {
    const result = { layer, ok: finding.ok, ms: elapsed(began), evidence: finding.evidence };
    // A layer whose trouble shows only further up is corrected.
    const known = this.#results.findIndex((each) => each.layer === layer);
    if (known >= 0) this.#results.splice(known, this.#results.length, result);
    else this.#results.push(result);
    if (!finding.ok && finding.degradesOnly) this.#flaw ??= { layer, finding };
    return finding.ok || finding.degradesOnly === true;
  }

  #done = (layer: LayerName): boolean => layerNames.indexOf(layer) >= this.#last;

  async #broken(layer: LayerName, began: number, finding: Finding): Promise<Diagnosis> {
    const lines = lastLines(await this.#subject.runtime.consoleTail(consoleTailBytes));
    const evidence = `${finding.evidence}; the console ${lines ? `ends with: ${lines}` : "is empty"}`;
    this.#note(layer, began, { ...finding, evidence });
    return this.#diagnosis("broken", layer, { ...finding, evidence });
  }

  #well(): Diagnosis {
    if (this.#flaw) return this.#diagnosis("degraded", this.#flaw.layer, this.#flaw.finding);
    const top = this.#results.at(-1);
    const evidence = `every layer up to ${top?.layer} is as it should be`;
    return { verdict: "healthy", layer: null, evidence, meaning: null, remedy: null, layers: this.#results };
  }

  #diagnosis(verdict: Verdict, layer: LayerName, finding: Finding): Diagnosis {
    return {
      verdict,
      layer,
      evidence: finding.evidence,
      meaning: finding.meaning ?? layers[layer].meaning,
      remedy: finding.remedy ?? layers[layer].remedy(this.#subject.sandboxId),
      layers: this.#results,
    };
  }
}

/** The newest whole lines of a console, as people read them. */
function lastLines(tail: string): string {
  const lines = tail.trim().split("\n").slice(1).slice(-consoleLines);
  return lines
    .map((line) => {
      const { logger, message, fields } = consoleEntry(0, "", line);
      const command = fields["command"] ?? fields["exitCode"];
      return logger === "console"
        ? message
        : `${logger}: ${message}${command === undefined ? "" : ` ${command}`}`;
    })
    .join(" | ");
}

const elapsed = (began: number): number => Math.round((performance.now() - began) * 100) / 100;
