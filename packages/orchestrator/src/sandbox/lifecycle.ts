import { setTimeout as sleep } from "node:timers/promises";
import { AppError, errorText, toAppError } from "@sandbank/core/errors";
import { type Phase, PhaseTimer } from "@sandbank/core/phases";
import { KeyedLock } from "@sandbank/core/keyed-lock";
import { Semaphore } from "@sandbank/core/semaphore";
import type { EgressPolicy } from "@sandbank/protocol/egress-policy";
import type { SandboxConfig } from "@sandbank/protocol/gen/node_pb";
import type { SecretValues } from "../egress/transform/secret-vault.ts";
import type { Observer } from "../observe/observer.ts";
import { type CreateContext, createSandbox } from "./create.ts";
import { defaultDeadlines } from "./deadlines.ts";
import { initEnvd } from "./envd-client.ts";
import { egressSubject, type NodeSandbox, type SandboxEnd, type SandboxRegistry } from "./registry.ts";

export interface Created {
  sandbox: NodeSandbox;
  phases: Phase[];
}

/** A start that waits longer than this is refused: its client waits for 60 s in all. */
const maxStartWaitMs = 30_000;

/** Of a policy, for the sandbox's log: values of headers and credentials stay out. */
const summary = ({ allowRanges, allowDomains, denyRanges, rules, proxy }: EgressPolicy) => ({
  allowed: [...allowRanges, ...allowDomains].join(" "),
  denied: denyRanges.join(" "),
  rules: rules.map(({ domain }) => domain).join(" "),
  proxy: proxy && `${proxy.host}:${proxy.port}`,
});

/** What comes with a policy. */
export interface EgressChange {
  /** Of the secrets that its rules refer to. */
  secrets?: SecretValues | undefined;
  envdAccessToken?: string | undefined;
}

const notHere = (sandboxId: string): AppError =>
  new AppError({ code: "not_found", message: `sandbox ${sandboxId} is not on this node` });

/** An end that fails is tried again after this long, twice as long, and so on: the last time after a quarter of an hour. */
const endRetryMs = 1_000;
const maxEndAttempts = 10;

/** Every way a sandbox of this node begins and ends. */
export class Lifecycle {
  readonly #context: CreateContext;
  readonly #registry: SandboxRegistry;
  readonly #observer: Observer;
  readonly #starting = new Map<string, Promise<Created>>();
  readonly #starts: Semaphore;
  readonly #egressChanges = new KeyedLock();
  #closed = false;

  constructor(context: CreateContext, registry: SandboxRegistry, observer: Observer) {
    this.#context = context;
    this.#registry = registry;
    this.#observer = observer;
    this.#starts = new Semaphore({
      name: "a sandbox start on this node",
      permits: context.options.maxConcurrentStarts,
      maxWaiting: 1_000,
      maxWaitMs: maxStartWaitMs,
    });
  }

  /** Ids of sandboxes that are being made or taken down. */
  get inMotion(): string[] {
    const ending = this.#registry.list().filter(({ ending: end }) => end !== undefined);
    return [...this.#starting.keys(), ...ending.map(({ record }) => record.sandboxId)];
  }

  /** Idempotent by id: joins a start under way, gives back the sandbox that runs already. */
  create(config: SandboxConfig): Promise<Created> {
    const running = this.#registry.get(config.sandboxId);
    if (running) return Promise.resolve({ sandbox: running, phases: [] });
    const known = this.#starting.get(config.sandboxId);
    if (known) return known;
    if (this.#closed) {
      return Promise.reject(new AppError({ code: "unavailable", message: "this node is shutting down" }));
    }
    const start = this.#create(config).finally(() => this.#starting.delete(config.sandboxId));
    this.#starting.set(config.sandboxId, start);
    return start;
  }

  async #create(config: SandboxConfig): Promise<Created> {
    const { logger, driver, onCreate } = this.#context.options;
    const { logs } = this.#observer;
    const timer = new PhaseTimer();
    const fields = {
      sandboxId: config.sandboxId,
      templateId: config.templateId,
      isolation: driver.isolation,
    };
    const { sandboxId, ...about } = fields;
    const { buildId, cpuCount, memoryMib, diskMib } = config;
    logs.write(sandboxId, "info", "sandbox is created", {
      ...about,
      buildId,
      cpuCount,
      memoryMib,
      diskMib,
    });
    try {
      const sandbox = await timer.measure("total", () =>
        this.#starts.run(() => createSandbox(this.#context, config, timer)),
      );
      logs.write(sandboxId, "info", "sandbox is ready", { phasesMs: timer.toFields() });
      this.track(sandbox);
      onCreate?.({ isolation: driver.isolation, phases: timer.phases, failure: undefined });
      logger.info({ ...fields, driver: driver.name, phasesMs: timer.toFields() }, "sandbox created");
      return { sandbox, phases: timer.phases };
    } catch (error) {
      const { reason, code, message } = toAppError(error);
      // The message has the end of the console: its file is gone with the sandbox.
      logs.write(sandboxId, "error", "sandbox could not be created", { reason, error: message });
      logs.end(sandboxId);
      onCreate?.({ isolation: driver.isolation, phases: timer.phases, failure: reason ?? code });
      logger.error(
        { ...fields, phasesMs: timer.toFields(), error: errorText(error) },
        "sandbox create failed",
      );
      throw error;
    }
  }

  /** Makes a running sandbox known and notices its end. */
  track(sandbox: NodeSandbox): void {
    this.#registry.add(sandbox);
    this.#observer.track(sandbox);
    void sandbox.runtime.exited.then(({ exitCode }) => this.#endExited(sandbox, exitCode));
  }

  /** Nobody asked for this end, so nobody else would try again. Never rejects: failures are in the log. */
  async #endExited(sandbox: NodeSandbox, exitCode: number | undefined): Promise<void> {
    for (let attempt = 0; attempt < maxEndAttempts; attempt++) {
      if (this.#closed || sandbox.ending) return;
      try {
        await this.#end(sandbox, "exited", exitCode);
        return;
      } catch {
        await sleep(endRetryMs * 2 ** attempt, undefined, { ref: false });
      }
    }
  }

  /**
   * Returns when the policy is in force and written down. Rejects with `not_found` when the sandbox is not here,
   * with `invalid_argument` when the policy's proxy can't be used. On failure the sandbox keeps the policy that it had.
   */
  async setEgress(sandboxId: string, policy: EgressPolicy, change: EgressChange): Promise<void> {
    await this.#context.egress.check(policy);
    await this.#egressChanges.run(sandboxId, async () => {
      const sandbox = this.#registry.get(sandboxId);
      if (!sandbox || sandbox.ending) throw notHere(sandboxId);
      const { egress, journal } = this.#context;
      if (policy.rules.length > 0) await this.#tellAuthority(sandbox, change.envdAccessToken);
      const before = sandbox.record.egress;
      await egress.apply(egressSubject(sandbox), policy, before);
      try {
        await journal.write({ ...sandbox.record, egress: policy });
      } catch (error) {
        await egress.apply(egressSubject(sandbox), before);
        throw error;
      }
      sandbox.record.egress = policy;
      this.#putSecrets(sandboxId, change.secrets);
      this.#observer.logs.write(sandboxId, "info", "network rules were replaced", summary(policy));
    });
  }

  /** Rejects with `not_found` when the sandbox is not here. */
  async setSecrets(sandboxId: string, secrets: SecretValues | undefined): Promise<void> {
    await this.#egressChanges.run(sandboxId, async () => {
      if (!this.#registry.get(sandboxId)) throw notHere(sandboxId);
      this.#putSecrets(sandboxId, secrets);
    });
  }

  /** Of what `setSecrets` or a create brought last; empty when the sandbox has no secrets. */
  secretsRevision(sandboxId: string): string {
    return this.#context.transform.vault.revisionOf(sandboxId);
  }

  #putSecrets(sandboxId: string, secrets: SecretValues | undefined): void {
    const { vault } = this.#context.transform;
    if (secrets) vault.put(sandboxId, secrets);
    else vault.drop(sandboxId);
  }

  /** Before a first rule is in force, the sandbox's programs must trust who answers in the real server's place. */
  async #tellAuthority(sandbox: NodeSandbox, accessToken: string | undefined): Promise<void> {
    const { transform, options } = this.#context;
    const { trust, fingerprint } = await transform.guestTrust();
    if (sandbox.record.authority === fingerprint) return;
    const { envdMs } = options.deadlines ?? defaultDeadlines;
    await initEnvd(sandbox.slot.names.hostAddress, { accessToken, trust }, envdMs);
    sandbox.record.authority = fingerprint;
  }

  /** Returns when nothing of the sandbox is left. Rejects with `not_found` when it is not here. */
  async kill(sandboxId: string): Promise<void> {
    // A start under way decides by itself whether there will be something to kill.
    await this.#starting.get(sandboxId)?.catch(() => undefined);
    const sandbox = this.#registry.get(sandboxId);
    if (!sandbox) throw notHere(sandboxId);
    await this.#end(sandbox, "killed", undefined);
  }

  /** After `close`: ends every sandbox of this node. */
  async killAll(): Promise<void> {
    await Promise.all(this.#registry.list().map((sandbox) => this.#end(sandbox, "killed", undefined)));
  }

  /** Stops noticing; running sandboxes go on and are taken over by the next process. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#starting.values());
  }

  #end(sandbox: NodeSandbox, kind: SandboxEnd["kind"], exitCode: number | undefined): Promise<void> {
    sandbox.ending ??= this.#takeDown(sandbox, kind, exitCode);
    return sandbox.ending;
  }

  async #takeDown(
    sandbox: NodeSandbox,
    kind: SandboxEnd["kind"],
    exitCode: number | undefined,
  ): Promise<void> {
    const { sandboxId } = sandbox.record;
    const { logger } = this.#context.options;
    this.#registry.unroute(sandboxId);
    this.#context.transform.vault.drop(sandboxId);
    try {
      // Its connections end at once, and what the kernel knows of them is read while it still goes down.
      await Promise.all([sandbox.runtime.destroy(), this.#context.egress.release(egressSubject(sandbox))]);
      this.#context.volumes.release(sandboxId);
      // What it said last is taken over before the next step removes it.
      this.#observer.logs.collect(sandboxId);
      await this.#context.slots.release(sandbox.slot);
      await this.#context.journal.remove(sandboxId);
    } catch (error) {
      delete sandbox.ending;
      logger.error({ sandboxId, kind, error: errorText(error) }, "sandbox could not be taken down");
      throw error;
    }
    this.#observer.ended({ sandboxId, kind, exitCode });
    this.#registry.remove({ sandboxId, atMs: Date.now(), kind, exitCode });
    logger.info({ sandboxId, kind, exitCode }, "sandbox ended");
  }
}
