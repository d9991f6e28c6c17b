import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { volumeToken } from "@sandbank/protocol/tokens";
import { TestApi, type TestAnswer } from "./testing/test-api.ts";
import { checkAgainstContract } from "./testing/response-check.ts";

let t: TestApi;
beforeEach(async () => {
  t = await TestApi.start();
});
afterEach(() => t.close());

const make = (name: string) => t.call("POST", "/volumes", { name });
async function volume(name: string): Promise<{ id: string; token: string }> {
  const { body } = await make(name);
  return { id: String(body["volumeID"]), token: String(body["token"]) };
}

/** Asks for a volume's content with its token; JSON answers are checked against the contract. */
async function content(
  method: string,
  { id, token }: { id: string; token: string },
  what: string,
  body?: string | Uint8Array<ArrayBuffer>,
): Promise<{ status: number; body: Record<string, unknown>; bytes: Buffer }> {
  const path = `/volumecontent/${id}/${what}`;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/octet-stream" };
  const response = await fetch(t.url + path, { method, headers, body: body ?? null });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  const parsed = isJson ? (JSON.parse(bytes.toString()) as Record<string, unknown>) : undefined;
  if (isJson || bytes.length === 0) checkAgainstContract(method, path, response.status, parsed);
  return { status: response.status, body: parsed ?? {}, bytes };
}

test("a volume is made, listed, found with a new token, and deleted", async () => {
  const made = await make("my_Volume-1");
  expect(made.status).toBe(201);
  expect(made.body).toEqual({
    volumeID: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    name: "my_Volume-1",
    token: expect.any(String) as string,
  });
  const id = String(made.body["volumeID"]);
  expect((await t.call("GET", "/volumes")).body).toEqual([{ volumeID: id, name: "my_Volume-1" }]);
  expect((await t.call("GET", `/volumes/${id}`)).body).toMatchObject({ volumeID: id, name: "my_Volume-1" });
  const again = await make("my_Volume-1");
  expect([again.status, again.body["message"]]).toEqual([400, 'There is a volume "my_Volume-1" already']);
  for (const name of ["", "a b", "ä", "../x", "x".repeat(129)]) expect((await make(name)).status).toBe(400);
  expect((await t.call("DELETE", `/volumes/${id}`)).status).toBe(204);
  expect((await t.call("DELETE", `/volumes/${id}`)).status).toBe(404);
  expect((await t.call("GET", "/volumes")).body).toEqual([]);
  expect(t.volumes.volumes.size).toBe(0);
  expect((await make("my_Volume-1")).status).toBe(201);
});

test("another team's volume is not found, nor are two teams' names in each other's way", async () => {
  const { id } = await volume("v");
  const other = await t.api.tenants.createTeam("acme", "Acme");
  const { key } = await t.api.tenants.createKey(other.id, "first");
  const headers = { headers: { "x-api-key": key } };
  for (const method of ["GET", "DELETE"]) {
    expect((await t.call(method, `/volumes/${id}`, undefined, headers)).status).toBe(404);
  }
  const mounts = { templateID: "base", volumeMounts: [{ name: "v", path: "/v" }] };
  expect((await t.call("POST", "/v2/sandboxes", mounts, headers)).status).toBe(400);
  expect((await t.call("POST", "/volumes", { name: "v" }, headers)).status).toBe(201);
  expect((await t.call("GET", "/volumes", undefined, headers)).body).toHaveLength(1);
});

test("limits of a team: number, sizes, size of each; a refusal says where it is set", async () => {
  const limits = { maxVolumes: 2, maxVolumesMib: 2_500, volumeMib: 1_000 };
  await t.api.tenants.changeTeam("default", { limits });
  const answers = await Promise.all([make("a"), make("b"), make("c")]);
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 201, 429]);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.body["message"]).toContain("sandbank team limits default --max-volumes N");
  await t.api.tenants.changeTeam("default", { limits: { maxVolumes: null } });
  const large = await make("d");
  expect(large.body).toMatchObject({ code: 429, error_code: "team_limit_reached" });
  expect(large.body["message"]).toContain("maxVolumesMib of 2500");
});

test("content: what is written comes back, streamed, whatever its size", async () => {
  const v = await volume("v");
  const big = Buffer.alloc(5 * 1024 * 1024 + 1, "0123456789");
  t.volumes.roomBytes = big.length;
  const written = await content("PUT", v, "file?path=a/b/big&uid=1&gid=2&mode=384", big);
  expect([written.status, written.body["size"], written.body["path"]]).toEqual([201, big.length, "/a/b/big"]);
  expect(written.body).toMatchObject({ uid: 1, gid: 2, mode: 0o600, mtime: "1970-01-01T00:00:01.000Z" });
  const read = await content("GET", v, "file?path=/a/b/big");
  expect([read.status, read.bytes.equals(big)]).toEqual([200, true]);
  expect((await content("PUT", v, "file?path=empty", "")).body["size"]).toBe(0);
  expect((await content("GET", v, "file?path=empty")).bytes).toHaveLength(0);
  const noType = await fetch(`${t.url}/volumecontent/${v.id}/file?path=none`, {
    method: "PUT",
    headers: { authorization: `Bearer ${v.token}` },
  });
  expect(noType.status).toBe(201);
  expect((await content("GET", v, "dir?path=/")).body).toHaveLength(3);
  expect((await content("GET", v, "dir?path=/&depth=3")).body).toHaveLength(5);
  expect((await content("GET", v, "dir?path=/&depth=0")).body).toHaveLength(3);
  expect((await content("POST", v, "dir?path=/new&mode=448")).body).toMatchObject({
    mode: 0o700,
    type: "directory",
  });
  const changed = await content("PATCH", v, "path?path=/new", JSON.stringify({ uid: 7 }));
  expect([changed.status, changed.body["uid"]]).toEqual([200, 7]);
  expect((await content("DELETE", v, "path?path=/a")).status).toBe(204);
  expect((await content("GET", v, "path?path=/a/b/big")).status).toBe(404);
});

test("content: what can't be is refused, and a full volume says how large it is and where that is set", async () => {
  const v = await volume("v");
  const cases: [string, string, number][] = [
    ["GET", "path", 400],
    ["GET", "path?path=/none", 404],
    ["GET", "path?path=%00", 400],
    ["GET", "dir?path=/&depth=11", 400],
    ["GET", "dir?path=/&depth=x", 400],
    ["GET", "file?path=/", 400],
    ["DELETE", "path?path=/", 400],
    ["PUT", "file?path=/f&uid=-1", 400],
    ["PUT", "file?path=/f&mode=4096", 400],
    ["PUT", "file?path=/no/f&force=false", 404],
    ["POST", "dir?path=/no/d", 404],
    ["POST", "dir?path=/&force=false", 409],
  ];
  for (const [method, what, status] of cases) {
    expect([what, (await content(method, v, what)).status]).toEqual([what, status]);
  }
  t.volumes.roomBytes = 10;
  const full = await content("PUT", v, "file?path=/f", "more than ten bytes");
  expect(full.body).toMatchObject({ code: 507, error_code: "volume_full" });
  expect(full.body["message"]).toMatch(/10240 MiB is full.*--volume-mib N.*SANDBANK_VOLUME_MIB/);
});

test("a token opens its own volume only, while it lasts and the volume does", async () => {
  const [one, two] = [await volume("one"), await volume("two")];
  const team = await t.store.teams.ensure("default");
  const status = async (id: string, token: string) =>
    (await content("GET", { id, token }, "path?path=/")).status;
  expect(await status(one.id, one.token)).toBe(200);
  expect(await status(two.id, one.token)).toBe(401);
  const claims = { volumeId: one.id, teamId: team.id, expiresAtMs: Date.now() + 1000 };
  expect(await status(one.id, volumeToken("seed", claims))).toBe(200);
  expect(await status(one.id, volumeToken("other seed", claims))).toBe(401);
  expect(await status(one.id, volumeToken("seed", { ...claims, expiresAtMs: Date.now() - 1 }))).toBe(401);
  const [body = "", signature = ""] = one.token.split(".");
  const longer = Buffer.from(JSON.stringify({ ...claims, expiresAtMs: 9e15 })).toString("base64url");
  for (const forged of [`${longer}.${signature}`, body, `${one.token}.x`, `${body}.`, "x.y", t.key]) {
    expect([forged, await status(one.id, forged)]).toEqual([forged, 401]);
  }
  expect((await fetch(`${t.url}/volumecontent/${one.id}/path?path=/`)).status).toBe(401);
  await t.api.tenants.changeTeam("default", { blocked: true });
  expect(await status(one.id, one.token)).toBe(403);
  await t.api.tenants.changeTeam("default", { blocked: false });
  await t.restart();
  expect(await status(one.id, one.token)).toBe(200);
  await t.call("DELETE", `/volumes/${one.id}`);
  expect(await status(one.id, one.token)).toBe(404);
});

const withMounts = (volumeMounts: unknown): Promise<TestAnswer> =>
  t.call("POST", "/v2/sandboxes", { templateID: "base", volumeMounts });

test("mounts: told to the node, reported, and what has them is not deleted", async () => {
  const [one, two] = [await volume("one"), await volume("two")];
  const mounts = [
    { name: "one", path: "/mnt/a" },
    { name: "two", path: "/mnt/b" },
    { name: "one", path: "/mnt/c" },
  ];
  const made = await withMounts(mounts);
  const id = String(made.body["sandboxID"]);
  expect(t.node.configs.at(-1)?.volumeMounts).toMatchObject([
    { volumeId: one.id, path: "/mnt/a" },
    { volumeId: two.id, path: "/mnt/b" },
    { volumeId: one.id, path: "/mnt/c" },
  ]);
  expect((await t.call("GET", `/sandboxes/${id}`)).body["volumeMounts"]).toEqual(mounts);
  expect((await t.call("GET", "/v2/sandboxes")).body[0]?.["volumeMounts"]).toEqual(mounts);
  await t.restart();
  const refused = await t.call("DELETE", `/volumes/${one.id}`);
  expect(refused.status).toBe(409);
  expect(refused.body["message"]).toContain(id);
  await t.call("DELETE", `/sandboxes/${id}`);
  expect((await t.call("DELETE", `/volumes/${one.id}`)).status).toBe(204);
});

test("mounts: everything that is wrong is named at once", async () => {
  await volume("v");
  const wrong = await withMounts([
    { name: "none", path: "/ok" },
    { name: "v", path: "relative" },
    { name: "v", path: "/a/../b" },
    { name: "v", path: "/a/" },
    { name: "v", path: "/" },
    { name: "v", path: "/proc/sys" },
    { name: "v", path: "/twice" },
    { name: "v", path: "/twice" },
    { name: "v", path: "/twice/below" },
    { name: "v", path: "/twicelike" },
  ]);
  expect(wrong.status).toBe(400);
  expect(String(wrong.body["message"]).split("\n\t- ")).toEqual([
    "invalid mounts:",
    "volume mount #0: volume 'none' not found",
    "volume mount #1: path must be absolute",
    expect.stringMatching("#2: path must be clean") as string,
    expect.stringMatching("#3: path must be clean") as string,
    "volume mount #4: path can't be /",
    "volume mount #5: path can't be within /proc",
    'volume mount #7: path "/twice" is used twice',
    'volume mount #8: path is within "/twice"',
  ]);
  expect(t.node.configs).toEqual([]);
});

test("what broke off half way is removed, and what the database does not know is left alone", async () => {
  t.volumes.beforeChange = () => {
    throw new Error("the node fails");
  };
  expect((await make("half")).status).toBe(500);
  expect((await t.call("GET", "/volumes")).body).toEqual([]);
  expect(await t.store.volumes.all()).toHaveLength(1);
  t.volumes.beforeChange = () => undefined;
  const kept = await volume("kept");
  t.volumes.volumes.set("unknown", new Map());
  await t.restart();
  expect((await t.store.volumes.all()).map(({ id }) => id)).toEqual([kept.id]);
  expect([...t.volumes.volumes.keys()]).toEqual([kept.id, "unknown"]);
  expect(t.api.eventCounts.unknown_volumes).toBe(1);

  t.volumes.beforeChange = () => {
    throw new Error("the node fails");
  };
  expect((await t.call("DELETE", `/volumes/${kept.id}`)).status).toBe(500);
  expect((await t.call("GET", `/volumes/${kept.id}`)).status).toBe(404);
  t.volumes.beforeChange = () => undefined;
  await t.api.reconcile();
  await vi.waitFor(() => expect([...t.volumes.volumes.keys()]).toEqual(["unknown"]), 10_000);
});
