import type { BuildManifest } from "@sandbank/protocol/build-manifest";
import type { Store } from "@sandbank/store/store";
import { defaultTeamSlug } from "@sandbank/store/teams";
import { defaultTag } from "@sandbank/store/templates";
import { parseTemplateReference, sharedNamespace } from "./resolve-template.ts";

/** Makes the first team and its first key when there are none. Returns the key's text only when it was made now. */
export async function ensureDefaultTeamAndKey(store: Store): Promise<string | undefined> {
  const team = await store.teams.ensure(defaultTeamSlug);
  if ((await store.apiKeys.list(team.id)).length > 0) return undefined;
  return (await store.apiKeys.create(team.id, "first key")).key;
}

export interface RegisterBuildOptions {
  /** `name` for every team, or `namespace/name`. */
  names: string[];
  /** Whether every team may start sandboxes from it; true unless told. */
  public?: boolean;
  /** `default` unless told. */
  tags?: string[];
}

/** Enters a finished build, owned by the default team. Repeating it changes nothing. */
export async function registerBuild(
  store: Store,
  manifest: BuildManifest,
  options: RegisterBuildOptions,
): Promise<void> {
  const team = await store.teams.ensure(defaultTeamSlug);
  const names = options.names.map((name) => {
    const { namespace = sharedNamespace, alias } = parseTemplateReference(name);
    return { namespace, alias };
  });
  await store.templates.registerBuild({
    teamId: team.id,
    names,
    public: options.public ?? true,
    tags: options.tags ?? [defaultTag],
    manifest,
  });
}
