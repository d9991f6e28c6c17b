import { AppError } from "@sandbank/core/errors";
import type { Store } from "@sandbank/store/store";
import type { Team } from "@sandbank/store/teams";
import type { Template, TemplateBuild } from "@sandbank/store/templates";

/** A template that has been built at least once. */
export interface BuiltTemplate {
  template: Template;
  newest: TemplateBuild;
  /** Newest first. */
  builds: TemplateBuild[];
}

function built(template: Template, builds: TemplateBuild[]): BuiltTemplate[] {
  const newest = builds[0];
  return newest ? [{ template, newest, builds }] : [];
}

/** The team's own templates, newest first. */
export async function listTemplates(store: Store, team: Team): Promise<BuiltTemplate[]> {
  const templates = await store.templates.list(team.id);
  return templates.flatMap(({ template, builds }) => built(template, builds));
}

/** Rejects with `not_found`; another team's template is not found either. */
export async function getTemplate(store: Store, team: Team, templateId: string): Promise<BuiltTemplate> {
  const template = await store.templates.get(templateId);
  const found =
    template?.teamId === team.id ? built(template, await store.templates.builds(template.id)) : [];
  if (!found[0]) throw new AppError({ code: "not_found", message: `Template "${templateId}" was not found` });
  return found[0];
}
