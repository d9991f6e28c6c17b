import { headers } from "@sandbank/protocol/headers";
import type { ControlPlane } from "../control-plane.ts";
import { getTemplate, listTemplates } from "../use-cases/find-templates.ts";
import { findTemplate } from "../use-cases/resolve-template.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import type { Handlers } from "./operation-types.ts";
import { templateView, templateWithBuildsView } from "./template-views.ts";

interface Dated {
  id: string;
  createdAtMs: number;
}

/** One page of a list that is already in memory, newest first. */
function pageOf<T>(
  items: T[],
  dated: (item: T) => Dated,
  nextToken: string | undefined,
  limit: number,
): { page: T[]; next: Record<string, string> } {
  const after = decodeCursor(nextToken, "desc");
  const rest = items.filter((item) => {
    const { id, createdAtMs } = dated(item);
    if (!after) return true;
    return createdAtMs < after.startedAtMs || (createdAtMs === after.startedAtMs && id > after.id);
  });
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  if (rest.length <= limit || last === undefined) return { page, next: {} };
  const { id, createdAtMs } = dated(last);
  return { page, next: { [headers.nextToken]: encodeCursor({ startedAtMs: createdAtMs, id }, "desc") } };
}

/** Handlers of what can be read under `/templates`. */
export function templateHandlers(plane: ControlPlane): Handlers {
  const { store } = plane;
  return {
    async listTemplates({ team }) {
      const found = await listTemplates(store, team);
      const body = found.map((each) => templateView(each.template, each.newest, each.builds.length));
      return { status: 200, body };
    },
    async listTemplatesV2({ team, query }) {
      const found = await listTemplates(store, team);
      const { page, next } = pageOf(found, (each) => each.template, query.nextToken, query.limit ?? 100);
      const body = page.map((each) => templateView(each.template, each.newest, each.builds.length));
      return { status: 200, body, headers: next };
    },
    async getTemplate({ team, path, query }) {
      const { template, newest, builds } = await getTemplate(store, team, path.templateID);
      const { page, next } = pageOf(builds, (build) => build, query.nextToken, query.limit ?? 100);
      const body = templateWithBuildsView(template, newest, builds.length, page);
      return { status: 200, body, headers: next };
    },
    async getTemplateByAlias({ team, path }) {
      const template = await findTemplate(store.templates, team, path.alias);
      return { status: 200, body: { templateID: template.id, public: template.public } };
    },
  };
}
