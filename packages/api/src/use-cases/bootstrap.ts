import type { BuildManifest } from "@sandbank/protocol/build-manifest";
import type { Store } from "@sandbank/store/store";
import { defaultTeamSlug } from "@sandbank/store/teams";
import { defaultTag } from "@sandbank/store/templates";
import { parseTemplateReference, sharedNamespace } from "./resolve-template.ts";

/**
 * Makes sure of the default team, and that `known` is the text of one of its keys. Returns the text of a new key when it
 * is not: it was revoked, or its file was lost.
 */
export async function ensureDefaultTeamAndKey(store: Store, known?: string): Promise<string | undefined> {
  const team = await store.teams.ensure(defaultTeamSlug);
  const found = known === undefined ? undefined : await store.apiKeys.authenticate(known);
  if (found?.team.id === team.id) return undefined;
  return (await store.apiKeys.create(team.id, "local key")).key;
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
