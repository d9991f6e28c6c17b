import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Lower numbers know nothing of higher ones. */
const layerOf: Record<string, number> = {
  core: 0,
  protocol: 1,
  linux: 1,
  certificates: 1,
  store: 2,
  runtime: 2,
  envd: 3,
  templates: 3,
  orchestrator: 3,
  api: 3,
  proxy: 3,
  cli: 4,
  dashboard: 4,
};

/** Packages of one layer that may know each other all the same. */
const exceptions = new Set(["orchestrator → templates"]);

/** Modules that only some packages may import, as a pattern on the specifier. */
const reserved: { pattern: RegExp; packages: string[]; why: string }[] = [
  { pattern: /^(node:)?child_process$/, packages: ["linux", "envd"], why: "host commands run in linux" },
  { pattern: /^(kysely|node:sqlite|pg)$/, packages: ["store"], why: "SQL stays in store" },
  { pattern: /^bun(:|$)/, packages: ["envd"], why: "only envd runs on Bun" },
  { pattern: /^node:ffi$/, packages: ["linux", "envd"], why: "system calls are made in linux" },
  { pattern: /^fastify/, packages: ["api"], why: "HTTP frameworks stay at the border of api" },
];

/** Folders whose files are use-cases: no transport and no database there. */
const useCases = /packages\/api\/src\/(use-cases|usecases)\//;
const transport = /^(fastify|kysely|node:http|node:sqlite)/;

const importPattern = /(?:from|import)\s*\(?\s*"([^"]+)"/g;

/** Imports that go upward or sideways, or that a package must not make, one line each. */
export function checkLayers(): string[] {
  const problems: string[] = [];
  for (const file of globSync("packages/*/src/**/*.ts")) {
    const name = file.split("/")[1] ?? "";
    const text = readFileSync(file, "utf8");
    const isTest = /\.test\.ts$|-suite\.ts$/.test(file) || file.includes("/testing/");
    for (const [, specifier] of text.matchAll(importPattern)) {
      problems.push(...importProblems(file, name, specifier ?? "", isTest));
    }
    if (!isTest && /\bprocess\.env\b/.test(text) && !file.endsWith("/config/env.ts")) {
      problems.push(`${file}: reads process.env outside config/env.ts`);
    }
  }
  for (const file of globSync("packages/*/package.json")) problems.push(...manifestProblems(file));
  return problems;
}

function importProblems(file: string, from: string, specifier: string, isTest: boolean): string[] {
  const problems: string[] = [];
  const target = /^@sandbank\/([^/]+)/.exec(specifier)?.[1];
  if (target) problems.push(...edgeProblems(file, from, target));
  if (isTest) return problems;
  for (const { pattern, packages, why } of reserved) {
    if (pattern.test(specifier) && !packages.includes(from))
      problems.push(`${file}: imports ${specifier}: ${why}`);
  }
  if (useCases.test(file) && transport.test(specifier)) {
    problems.push(`${file}: a use-case imports ${specifier}`);
  }
  const driver = /drivers\/([a-z]+)\//.exec(file)?.[1];
  const sibling = /^\.\.\/(gvisor|container|qemu|firecracker|fake)\b/.exec(specifier)?.[1];
  if (driver && sibling && driver !== sibling)
    problems.push(`${file}: driver ${driver} imports driver ${sibling}`);
  return problems;
}

function manifestProblems(file: string): string[] {
  const manifest = JSON.parse(readFileSync(join(file), "utf8")) as { dependencies?: Record<string, string> };
  const from = file.split("/")[1] ?? "";
  return Object.keys(manifest.dependencies ?? {}).flatMap((dependency) => {
    const target = /^@sandbank\/(.+)$/.exec(dependency)?.[1];
    return target ? edgeProblems(file, from, target) : [];
  });
}

function edgeProblems(file: string, from: string, target: string): string[] {
  const fromLayer = layerOf[from];
  const targetLayer = layerOf[target];
  if (fromLayer === undefined || targetLayer === undefined) {
    return [
      `${file}: package ${fromLayer === undefined ? from : target} has no layer in scripts/check/layers.ts`,
    ];
  }
  if (target === from || targetLayer < fromLayer || exceptions.has(`${from} → ${target}`)) return [];
  return [`${file}: ${from} (L${fromLayer}) imports ${target} (L${targetLayer})`];
}
