import type { AuditLog } from "@sandbank/api/audit";
import { AppError } from "@sandbank/core/errors";
import { isSandboxId } from "@sandbank/core/ids";
import type { LogQuery, Orchestrator } from "@sandbank/orchestrator/orchestrator";
import type { AdminRoute } from "./admin-server.ts";

/** One entry of a sandbox's log, as the admin socket gives it. */
export interface LogLine {
  atMs: number;
  level: string;
  logger: string;
  message: string;
  fields: Record<string, string>;
}

const pageSize = 1_000;

/** Logs of sandboxes on the admin socket, of any team, and of creates that failed; see spec/admin.yml. */
export function observeRoutes(orchestrator: Orchestrator): AdminRoute[] {
  return [
    logRoute(orchestrator, "logs", async (id, query) => orchestrator.logs(id, query)),
    logRoute(orchestrator, "egress", (id, query) => orchestrator.egress.logs(id, query)),
  ];
}

function logRoute(
  orchestrator: Orchestrator,
  name: string,
  read: (sandboxId: string, query: LogQuery) => Promise<LogLine[]>,
): AdminRoute {
  return {
    method: "GET",
    path: `/v1/sandboxes/:id/${name}`,
    async run({ params, query }) {
      const id = params["id"] ?? "";
      if (!isSandboxId(id)) {
        throw new AppError({ code: "invalid_argument", message: `${id} is not the id of a sandbox` });
      }
      const cursorMs = Number(query.get("start") ?? 0);
      const entries = await read(id, { cursorMs, direction: "forward", limit: pageSize });
      const isRunning = orchestrator.sandboxes().some(({ sandboxID }) => sandboxID === id);
      return { status: 200, body: { entries, isRunning } };
    },
  };
}

/** The same operations; those that change something are written down. */
export const audited = (routes: AdminRoute[], audit: AuditLog): AdminRoute[] =>
  routes.map((route) => {
    if (route.method === "GET") return route;
    return {
      ...route,
      async run(request) {
        const target = Object.fromEntries(
          Object.entries(request.params).map(([name, value]) => [name, value ?? ""]),
        );
        const entry = { actor: { kind: "admin" }, action: `${route.method} ${route.path}`, target } as const;
        try {
          const answer = await route.run(request);
          audit.write({ ...entry, outcome: "done" });
          return answer;
        } catch (error) {
          const refused = error instanceof AppError && error.code !== "internal";
          audit.write({ ...entry, outcome: refused ? "refused" : "failed" });
          throw error;
        }
      },
    };
  });
