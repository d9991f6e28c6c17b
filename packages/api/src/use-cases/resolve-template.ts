import { AppError } from "@sandbank/core/errors";
import type { Team } from "@sandbank/store/teams";
import { type Template, type TemplateBuild, type TemplateStore, defaultTag } from "@sandbank/store/templates";

export interface TemplateReference {
  namespace: string | undefined;
  /** A name or a template id. */
  alias: string;
  tag: string;
}

const namePattern = /^[a-z0-9_-]+$/;
const tagPattern = /^[a-z0-9_.-]+$/;
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** The namespace of names that every team sees. */
export const sharedNamespace = "";

/** Reads `[namespace/]alias[:tag]`; rejects with `invalid_argument`. */
export function parseTemplateReference(text: string): TemplateReference {
  const [path = "", tag = defaultTag, ...more] = text.toLowerCase().split(":");
  const parts = path.split("/");
  const [alias = "", namespace] = parts.toReversed();
  const names = namespace === undefined ? [alias] : [alias, namespace];
  const valid =
    more.length === 0 &&
    parts.length <= 2 &&
    names.every((name) => namePattern.test(name)) &&
    tagPattern.test(tag) &&
    !uuidPattern.test(tag);
  if (!valid) {
    throw new AppError({
      code: "invalid_argument",
      message: `validation error: templateID "${text}" is not of the form [namespace/]name[:tag]`,
    });
  }
  return { namespace, alias, tag };
}

/** The template meant by a reference, whoever owns it; a template id serves wherever a name does. */
async function findAnyTemplate(
  templates: TemplateStore,
  team: Team,
  reference: TemplateReference,
): Promise<Template | undefined> {
  const { namespace, alias } = reference;
  if (namespace !== undefined) return templates.findByName([namespace], alias);
  return (await templates.findByName([team.slug, sharedNamespace], alias)) ?? templates.get(alias);
}

/** Rejects with `not_found`; what is another team's and not public is not found either. */
export async function findTemplate(templates: TemplateStore, team: Team, text: string): Promise<Template> {
  const template = await findAnyTemplate(templates, team, parseTemplateReference(text));
  if (!template || (template.teamId !== team.id && !template.public)) {
    throw new AppError({ code: "not_found", message: `Template "${text}" was not found` });
  }
  return template;
}

/** The template and the build to start sandboxes from. Rejects like `findTemplate`, and for an unknown tag. */
export async function resolveTemplate(
  templates: TemplateStore,
  team: Team,
  text: string,
): Promise<{ template: Template; build: TemplateBuild; alias: string | undefined }> {
  const { alias, tag } = parseTemplateReference(text);
  const template = await findTemplate(templates, team, text);
  const build = await templates.buildByTag(template.id, tag);
  if (!build || build.status !== "ready") {
    throw new AppError({
      code: "not_found",
      message: `Template "${text}" was not found: it has no finished build with the tag "${tag}"`,
    });
  }
  const named = template.names.find((name) => name.alias === alias) ?? template.names[0];
  return { template, build, alias: named?.alias };
}
