import type { ServiceImpl } from "@connectrpc/connect";
import type { NodeService } from "@sandbank/protocol/gen/node_pb";
import { logLevels } from "./log-entry.ts";
import type { Observer } from "./observer.ts";

type ObserveMethods = "getSandboxLogs" | "getSandboxMetrics" | "getNewestMetrics";

/** The part of node.proto that tells what sandboxes say and use. */
export function observeService({
  logs,
  sampler,
}: Observer): Pick<ServiceImpl<typeof NodeService>, ObserveMethods> {
  return {
    getSandboxLogs: ({ sandboxId, cursorMs, backward, limit, level, search }) => ({
      entries: logs.read(sandboxId, {
        cursorMs,
        direction: backward ? "backward" : "forward",
        limit,
        level: logLevels.find((known) => known === level),
        search,
      }),
    }),
    getSandboxMetrics: ({ sandboxId, startMs, endMs }) => ({
      samples: sampler.read(sandboxId, startMs ?? 0, endMs ?? Date.now()),
    }),
    getNewestMetrics: ({ sandboxIds }) => ({
      samples: Object.fromEntries(
        sandboxIds.flatMap((sandboxId) => {
          const newest = sampler.newest(sandboxId);
          return newest ? [[sandboxId, newest] as const] : [];
        }),
      ),
    }),
  };
}
