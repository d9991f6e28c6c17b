import { AppError } from "@sandbank/core/errors";
import type { Store } from "@sandbank/store/store";
import { defaultTeamSlug, type Team } from "@sandbank/store/teams";
import type { Template, TemplateBuild } from "@sandbank/store/templates";
import { parseTemplateReference, resolveTemplate } from "./resolve-template.ts";

export interface FoundBuild {
  template: Template;
  build: TemplateBuild;
}

/** The beginning of a build's id: enough digits that no name is taken for one. */
const buildIdPattern = /^[0-9a-f]{8}(-[0-9a-f-]*)?$/;

/**
 * A build for an operator, whoever owns it: by the beginning of its id (the first group at least), by template id or by
 * `[namespace/]name[:tag]`. Rejects with `not_found`, and with `invalid_argument` when several ids begin so.
 */
export async function findBuild(store: Store, reference: string): Promise<FoundBuild> {
  const { templates } = store;
  const text = reference.toLowerCase();
  if (buildIdPattern.test(text)) {
    const [build, second] = await templates.buildsByIdPrefix(text, 2);
    if (second) {
      const message = `several builds have ids that begin with ${text}: give more of it`;
      throw new AppError({ code: "invalid_argument", message });
    }
    const template = build && (await templates.get(build.templateId));
    if (template) return { template, build };
  }
  return resolveTemplate(templates, await teamFor(store, text), text);
}

/** Whose eyes see what is meant: the namespace's team, the owner of a template id, else the default team. */
async function teamFor(store: Store, text: string): Promise<Team> {
  const { namespace, alias } = parseTemplateReference(text);
  const template = namespace === undefined ? await store.templates.get(alias) : undefined;
  const owner = template && (await store.teams.get(template.teamId));
  const named = namespace === undefined ? undefined : await store.teams.findBySlug(namespace);
  return owner ?? named ?? store.teams.ensure(defaultTeamSlug);
}
