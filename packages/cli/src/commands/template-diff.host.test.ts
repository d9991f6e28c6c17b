import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBuild } from "@sandbank/api/find-build";
import { silentLogger } from "@sandbank/core/logger";
import { runUnchecked } from "@sandbank/linux/command";
import type { BuildManifest } from "@sandbank/protocol/build-manifest";
import { openStore, type Store } from "@sandbank/store/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repositoryDir } from "../config/paths.ts";
import { toolEnvironment } from "../config/env.ts";
import { startAdminServer } from "../service/admin-server.ts";
import { templateRoutes } from "../service/template-routes.ts";
import type { TemplateDiff } from "./template-diff.ts";

let directory: string;
let store: Store;
let close: () => void;
/** They begin alike. */
let builds = 0;
const [plain, other, older] = [
  manifestOf("plain", "web"),
  manifestOf("other", "app"),
  manifestOf("plain", "web"),
];

function manifestOf(layer: string, templateId: string): BuildManifest {
  return {
    buildId: `0f0f0f0f-0000-4000-8000-0000000000${++builds}0`,
    templateId,
    layers: ["common", layer],
    cpuCount: 2,
    memoryMib: 512,
    diskMib: 1024,
    defaultUser: "user",
    defaultWorkdir: "/home/user",
    envdVersion: "0.6.13",
  };
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sandbank-diff-"));
  const layers = { common: "bash", plain: "curl", other: "wget" };
  for (const [layer, name] of Object.entries(layers)) {
    const dpkg = join(directory, "cache/layers", layer, "var/lib/dpkg/status.d");
    await mkdir(dpkg, { recursive: true });
    await writeFile(join(dpkg, name), `Package: ${name}\nVersion: 1\n`);
  }
  store = await openStore({ path: join(directory, "test.db") });
  const team = await store.teams.ensure("default");
  const acme = await store.teams.ensure("acme");
  const shared = { public: true, tags: ["default"] };
  const named = (alias: string, namespace = ""): { names: { namespace: string; alias: string }[] } => ({
    names: [{ namespace, alias }],
  });
  await store.templates.registerBuild({ ...shared, ...named("web"), teamId: team.id, manifest: older });
  await store.templates.registerBuild({ ...shared, ...named("web"), teamId: team.id, manifest: plain });
  const own = { ...named("app", "acme"), teamId: acme.id, public: false, tags: ["default", "v1"] };
  await store.templates.registerBuild({ ...own, manifest: { ...other, startCommand: "serve" } });
  const unused = (): never => {
    throw new Error("not asked here");
  };
  const handlers = { status: unused, sandboxes: unused, metrics: unused, shutdown: unused };
  const routes = templateRoutes({ findBuild: (reference) => findBuild(store, reference) }, { hash: "abc" });
  const server = await startAdminServer(join(directory, "admin.sock"), handlers, routes, silentLogger);
  close = () => server.close();
});
afterAll(async () => {
  close();
  await store.close();
  await rm(directory, { recursive: true });
});

const diff = (...args: string[]): ReturnType<typeof runUnchecked> =>
  runUnchecked(join(repositoryDir, "sandbank"), ["template", "diff", ...args], {
    env: { ...toolEnvironment(), SANDBANK_RUN_DIR: directory, SANDBANK_CACHE_DIR: join(directory, "cache") },
  });

test("two templates by name, for people and as JSON", async () => {
  const text = (await diff("web", "acme/app:v1")).stdout;
  expect(text).toContain(`A  web: build ${plain.buildId}`);
  expect(text).toContain(`B  acme/app: build ${other.buildId}`);
  expect(text).toMatch(/^start: 1 differ, 2 the same\n\s+A\s+B\n\s+start command\s+–\s+serve$/m);
  expect(text).toMatch(/^packages: 2 differ, 1 the same$/m);
  const parsed = JSON.parse((await diff("web", "app", "--json")).stdout) as TemplateDiff;
  expect(parsed).toMatchObject({
    a: { templateID: "web", names: ["web"] },
    b: { templateID: "app" },
    same: false,
  });
  expect(parsed.sections.find(({ section }) => section === "packages")?.differences).toEqual([
    { name: "curl", a: "1", b: null },
    { name: "wget", a: null, b: "1" },
  ]);
});

test("two builds of one template, by the beginning of their ids", async () => {
  const first = older.buildId.slice(0, -1);
  const { stdout } = await diff(first, plain.buildId, "--json");
  expect(JSON.parse(stdout)).toMatchObject({
    same: true,
    a: { buildID: older.buildId },
    b: { buildID: plain.buildId },
  });
  expect((await diff(first, plain.buildId)).stdout).toContain("Nothing that matters for boot differs.");
});

test("what is unknown is named", async () => {
  const { exitCode, stderr } = await diff("web", "nothing");
  expect(exitCode).toBe(1);
  expect(stderr).toContain('Template "nothing" was not found');
  expect((await diff("web", "0badc0de-0000")).stderr).toContain("0badc0de-0000");
  expect((await diff("web", "0f0f0f0f")).stderr).toContain(
    "several builds have ids that begin with 0f0f0f0f",
  );
});
