import { Observer } from "../observe/observer.ts";
import type { OrchestratorOptions } from "../options.ts";
import { Journal } from "../sandbox/record.ts";
import { SandboxRegistry } from "../sandbox/registry.ts";
import { clearWithSlot } from "../sandbox/remains.ts";

/** Takes away a sandbox whose processes have ended, when no service runs that would; its log says how it ended. */
export async function clearOffline(options: OrchestratorOptions, sandboxId: string): Promise<void> {
  const { drivers, logger, identity, paths } = options;
  const registry = new SandboxRegistry();
  const observer = new Observer(options.observe, registry, logger);
  try {
    const journal = new Journal(paths.sandboxesDir);
    await clearWithSlot({ drivers, journal, registry, observer }, identity, sandboxId);
  } finally {
    observer.close();
  }
}
