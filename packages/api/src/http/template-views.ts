import type { components } from "@sandbank/protocol/gen/openapi";
import type { Template, TemplateBuild } from "@sandbank/store/templates";

type Schemas = components["schemas"];

const rfc3339 = (ms: number): string => new Date(ms).toISOString();

function buildView(build: TemplateBuild): Schemas["TemplateBuild"] {
  return {
    buildID: build.id,
    status: build.status,
    createdAt: rfc3339(build.createdAtMs),
    updatedAt: rfc3339(build.updatedAtMs),
    ...(build.finishedAtMs === undefined ? {} : { finishedAt: rfc3339(build.finishedAtMs) }),
    cpuCount: build.cpuCount,
    memoryMB: build.memoryMib,
    diskSizeMB: build.diskMib,
    envdVersion: build.envdVersion,
  };
}

/** `newest` is the template's newest build; `buildCount` counts all. */
export function templateView(
  template: Template,
  newest: TemplateBuild,
  buildCount: number,
): Schemas["Template"] {
  return {
    templateID: template.id,
    buildID: newest.id,
    cpuCount: newest.cpuCount,
    memoryMB: newest.memoryMib,
    diskSizeMB: newest.diskMib,
    public: template.public,
    aliases: template.names.map((name) => name.alias),
    names: template.names.map(({ namespace, alias }) => (namespace === "" ? alias : `${namespace}/${alias}`)),
    createdAt: rfc3339(template.createdAtMs),
    updatedAt: rfc3339(template.updatedAtMs),
    createdBy: null,
    lastSpawnedAt: template.lastSpawnedAtMs === undefined ? null : rfc3339(template.lastSpawnedAtMs),
    spawnCount: template.spawnCount,
    buildCount,
    envdVersion: newest.envdVersion,
    buildStatus: newest.status,
  };
}

export function templateWithBuildsView(
  template: Template,
  newest: TemplateBuild,
  buildCount: number,
  builds: TemplateBuild[],
): Schemas["TemplateWithBuilds"] {
  return { ...templateView(template, newest, buildCount), builds: builds.map(buildView) };
}
