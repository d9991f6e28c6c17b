import type { Logger } from "@sandbank/core/logger";
import type { Phase } from "@sandbank/core/phases";
import type { RuntimeDriver } from "@sandbank/runtime/contract";
import type { NetworkIdentity } from "./network/addresses.ts";
import type { ObserveOptions } from "./observe/observer.ts";
import type { LayerDeadlines } from "./sandbox/deadlines.ts";

/** The guest daemon as built for this host: a private folder that every sandbox sees read-only. */
export interface GuestDaemon {
  dir: string;
  /** First process of a sandbox (a real init that starts envd), given where the folder is seen inside. */
  initArgs(guestDir: string): string[];
}

/** How a create went. */
export interface CreateOutcome {
  isolation: string;
  phases: Phase[];
  /** Reason, or class, of the failure; undefined when it succeeded. */
  failure: string | undefined;
}

export interface OrchestratorOptions {
  nodeId: string;
  version: string;
  /** For new sandboxes. */
  driver: RuntimeDriver;
  /** All usable ones, so that sandboxes of an earlier choice are still taken over. */
  drivers: RuntimeDriver[];
  identity: NetworkIdentity;
  paths: {
    /** One folder per living sandbox. */
    sandboxesDir: string;
    /** Key and certificate of the authority that sandboxes with rules trust; made when the first one comes. */
    egressAuthorityFile: string;
    /** One folder per volume. */
    volumesDir: string;
    /** `BUILD_ID.json` manifests. */
    buildsDir: string;
    /** Layer folders that manifests name. */
    layersDir: string;
  };
  /** What is kept of sandboxes' logs and metrics. */
  observe: ObserveOptions;
  /** Told about every create that came to an end, for counting. */
  onCreate?: ((outcome: CreateOutcome) => void) | undefined;
  envd: GuestDaemon;
  slotPoolSize: number;
  /** Creates at work at the same time; others wait their turn. */
  maxConcurrentStarts: number;
  /** Processes and threads in one sandbox. */
  pidsLimit: number;
  logger: Logger;
  /** Every sandbox is asked for its health once in so many ms; a minute unless told. */
  healthRoundMs?: number | undefined;
  /** How long each layer of a new sandbox's network path may take. */
  deadlines?: LayerDeadlines | undefined;
}
