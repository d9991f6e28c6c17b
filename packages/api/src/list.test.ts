import { afterEach, beforeEach, expect, test } from "vitest";
import { TestApi, type TestAnswer, manifestOf } from "./testing/test-api.ts";

let t: TestApi;
beforeEach(async () => {
  t = await TestApi.start();
});
afterEach(() => t.close());

const idsOf = (answer: TestAnswer): string[] =>
  (answer.body as unknown as Record<string, unknown>[]).map((sandbox) => String(sandbox["sandboxID"]));

/** As the JavaScript SDK does: each part, then the query string, then the parameter. */
function metadataParameter(metadata: Record<string, string>): string {
  const pairs = new URLSearchParams();
  for (const [key, value] of Object.entries(metadata)) {
    pairs.append(encodeURIComponent(key), encodeURIComponent(value));
  }
  return encodeURIComponent(pairs.toString());
}

test("lists are complete, newest first, without tokens", async () => {
  const ids = [await t.create(), await t.create({ metadata: { a: "b" } })];
  for (const path of ["/sandboxes", "/v2/sandboxes"]) {
    const answer = await t.call("GET", path);
    expect(answer.status).toBe(200);
    expect(idsOf(answer).sort()).toEqual(ids.toSorted());
    const found = answer.body as unknown as Record<string, unknown>[];
    expect(found.find((sandbox) => sandbox["sandboxID"] === ids[1])).toEqual({
      templateID: t.manifest.templateId,
      sandboxID: ids[1],
      clientID: "6532622b",
      alias: "base",
      isolation: "gvisor",
      envdVersion: "0.6.13",
      startedAt: expect.any(String) as string,
      endAt: expect.any(String) as string,
      cpuCount: 2,
      memoryMB: 512,
      diskSizeMB: 1024,
      state: "running",
      metadata: { a: "b" },
      volumeMounts: [],
    });
  }
  const v2 = await t.call("GET", "/v2/sandboxes");
  expect(v2.headers.get("x-total-running")).toBe("2");
  expect(v2.headers.get("x-next-token")).toBeNull();
});

test("the metadata filter decodes what the SDKs send", async () => {
  const metadata = { "a b": "c&d=e+f%20ü", second: "2" };
  const wanted = await t.create({ metadata });
  await t.create({ metadata: { second: "2" } });
  expect(metadataParameter({ "a b": "c&d" })).toBe("a%252520b%3Dc%252526d");
  for (const filter of [metadata, { "a b": metadata["a b"] }]) {
    for (const path of ["/v2/sandboxes", "/sandboxes"]) {
      const answer = await t.call("GET", `${path}?metadata=${metadataParameter(filter)}`);
      expect(idsOf(answer)).toEqual([wanted]);
    }
  }
  expect(idsOf(await t.call("GET", "/v2/sandboxes?metadata=second%3D2"))).toHaveLength(2);
  expect(idsOf(await t.call("GET", "/v2/sandboxes?metadata=second%3D3"))).toEqual([]);
  expect(idsOf(await t.call("GET", "/v2/sandboxes?metadata=constructor%3D3"))).toEqual([]);
});

test("pages follow each other in both orders, also with a filter", async () => {
  const odd: string[] = [];
  for (let index = 0; index < 5; index += 1) {
    const id = await t.create({ metadata: { odd: String(index % 2) } });
    if (index % 2 === 1) odd.push(id);
  }
  const everything = idsOf(await t.call("GET", "/v2/sandboxes"));
  for (const order of ["asc", "desc"]) {
    for (const filter of ["", "&metadata=odd%3D1"]) {
      const seen: string[] = [];
      let token: string | null = "";
      do {
        const path: string = `/v2/sandboxes?limit=2&order=${order}&nextToken=${token}${filter}`;
        const page = await t.call("GET", path);
        expect(idsOf(page).length).toBeLessThanOrEqual(2);
        seen.push(...idsOf(page));
        token = page.headers.get("x-next-token");
      } while (token);
      const matching = everything.filter((id) => filter === "" || odd.includes(id));
      expect(seen).toEqual(order === "desc" ? matching : matching.toReversed());
    }
  }
});

test("state, template and start time narrow the list", async () => {
  const other = manifestOf();
  await t.api.registerBuild(other, { names: ["other"] });
  const first = await t.create();
  const second = await t.create({ templateID: "other" });
  expect(idsOf(await t.call("GET", "/v2/sandboxes?state=running"))).toHaveLength(2);
  expect(idsOf(await t.call("GET", "/v2/sandboxes?state=running%2Cpaused"))).toHaveLength(2);
  expect(idsOf(await t.call("GET", "/v2/sandboxes?state=paused"))).toEqual([]);
  expect(idsOf(await t.call("GET", "/v2/sandboxes?template=other"))).toEqual([second]);
  expect(idsOf(await t.call("GET", `/v2/sandboxes?template=${t.manifest.templateId}`))).toEqual([first]);
  expect(idsOf(await t.call("GET", "/v2/sandboxes?template=nope"))).toEqual([]);
  const future = new Date(Date.now() + 60_000).toISOString();
  expect(idsOf(await t.call("GET", `/v2/sandboxes?startedAfter=${future}`))).toEqual([]);
});

test("bad queries are refused, naming the parameter", async () => {
  for (const [query, field] of [
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=x", "limit"],
    ["order=up", "order"],
    ["state=dead", "state"],
    ["nextToken=x", "nextToken"],
    ["startedAfter=yesterday", "startedAfter"],
    ["startedAfter=2016-12-31T23:59:60Z", "startedAfter"],
  ] as const) {
    const answer = await t.call("GET", `/v2/sandboxes?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.body["message"]).toContain(`validation error: query field "${field}"`);
  }
});

test("metrics are empty before the first sample", async () => {
  const id = await t.create();
  expect((await t.call("GET", `/sandboxes/${id}/metrics?start=1&end=2`)).body).toEqual([]);
  expect((await t.call("GET", "/sandboxes/nope/metrics")).status).toBe(404);
  expect((await t.call("GET", `/sandboxes/metrics?sandbox_ids=${id}`)).body).toEqual({ sandboxes: {} });
  expect((await t.call("GET", "/sandboxes/metrics")).status).toBe(400);
});

test("templates can be read", async () => {
  await t.create();
  const { templateId, buildId } = t.manifest;
  for (const path of ["/templates", "/v2/templates"]) {
    const answer = await t.call("GET", path);
    expect(answer.body[0]).toMatchObject({
      templateID: templateId,
      buildID: buildId,
      aliases: ["base"],
      names: ["base"],
      public: true,
      spawnCount: 1,
      buildCount: 1,
      buildStatus: "ready",
      createdBy: null,
    });
  }
  const newer = manifestOf({ templateId });
  await t.api.registerBuild(newer, { names: ["base"] });
  const one = await t.call("GET", `/templates/${templateId}?limit=1`);
  expect(one.body["builds"]).toHaveLength(1);
  const token = one.headers.get("x-next-token") ?? "";
  const rest = await t.call("GET", `/templates/${templateId}?limit=1&nextToken=${token}`);
  expect(rest.body["builds"]).toHaveLength(1);
  expect(rest.body["builds"]).not.toEqual(one.body["builds"]);
  expect((await t.call("GET", "/templates/nope")).status).toBe(404);
});

test("aliases: found, unknown, another team's", async () => {
  const team = await t.store.teams.ensure("acme");
  const names = [{ namespace: "acme", alias: "private" }];
  const manifest = manifestOf();
  await t.store.templates.registerBuild({
    teamId: team.id,
    names,
    public: false,
    tags: ["default"],
    manifest,
  });
  const base = await t.call("GET", "/templates/aliases/base");
  expect(base.body).toEqual({ templateID: t.manifest.templateId, public: true });
  expect((await t.call("GET", "/templates/aliases/nope")).status).toBe(404);
  expect((await t.call("GET", "/templates/aliases/private")).status).toBe(404);
  const foreign = await t.call("GET", "/templates/aliases/acme%2Fprivate");
  expect(foreign.body).toMatchObject({ code: 404 });
  expect((await t.call("POST", "/v2/sandboxes", { templateID: "acme/private" })).status).toBe(404);
});
