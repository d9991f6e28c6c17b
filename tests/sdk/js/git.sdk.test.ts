import { readFile } from "node:fs/promises";
import {
  CommandExitError,
  type CommandHandle,
  type Git,
  GitAuthError,
  GitUpstreamError,
  InvalidArgumentError,
  Sandbox,
} from "e2b";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "./cloud.ts";

// Every method of sandbox.git, with bare repositories inside the sandbox as the remotes.
let sandbox: Sandbox;
let git: Git;
beforeAll(async () => {
  sandbox = await Sandbox.create("base", { timeoutMs: 1_800_000 });
  git = sandbox.git;
  await git.configureUser("A Test", "test@example.com");
});
afterAll(async () => {
  await sandbox?.kill();
});

/** A repository with one commit of a.txt on main. */
async function makeRepository(name: string): Promise<string> {
  const path = `/home/user/${name}`;
  await git.init(path, { initialBranch: "main" });
  await sandbox.files.write(`${path}/a.txt`, "one\n");
  await git.add(path);
  await git.commit(path, "first");
  return path;
}

test("configuration", async () => {
  expect(await git.getConfig("user.name")).toBe("A Test");
  await git.setConfig("core.quotePath", "false");
  expect(await git.getConfig("core.quotePath")).toBe("false");
  expect(await git.getConfig("no.such-key")).toBeUndefined();
  await expect(git.setConfig("no-section", "x")).rejects.toThrow(CommandExitError);
  await expect(git.configureUser("", "")).rejects.toThrow(InvalidArgumentError);
});

test("init, status, add, commit", async () => {
  const repo = "/home/user/status";
  await git.init(repo, { initialBranch: "trunk" });
  await sandbox.files.write([
    { path: `${repo}/a.txt`, data: "a" },
    { path: `${repo}/b c.txt`, data: "b" },
  ]);
  expect(await git.status(repo)).toMatchObject({ currentBranch: "trunk", hasUntracked: true, totalCount: 2 });
  await git.add(repo, { files: ["a.txt"] });
  expect(await git.status(repo)).toMatchObject({ stagedCount: 1, untrackedCount: 1 });
  await git.add(repo);
  await git.commit(repo, "first");
  expect((await git.status(repo)).isClean).toBe(true);
  await expect(git.commit(repo, "nothing to commit")).rejects.toThrow(CommandExitError);
  const author = { authorName: "Other", authorEmail: "other@example.com", allowEmpty: true };
  await git.commit(repo, `it's "empty" $HOME`, author);
  const log = await sandbox.commands.run("git log -1 --format='%an|%ae|%s'", { cwd: repo });
  expect(log.stdout).toBe(`Other|other@example.com|it's "empty" $HOME\n`);
});

test("branches", async () => {
  const repo = await makeRepository("branches");
  await git.createBranch(repo, "feature");
  const { branches, currentBranch } = await git.branches(repo);
  expect([...branches].sort()).toEqual(["feature", "main"]);
  expect(currentBranch).toBe("feature");
  await git.commit(repo, "only there", { allowEmpty: true });
  await git.checkoutBranch(repo, "main");
  await expect(git.deleteBranch(repo, "feature")).rejects.toThrow(CommandExitError);
  await git.deleteBranch(repo, "feature", { force: true });
  expect((await git.branches(repo)).branches).toEqual(["main"]);
  await expect(git.checkoutBranch(repo, "no-such-branch")).rejects.toThrow(CommandExitError);
});

test("reset and restore", async () => {
  const repo = await makeRepository("reset");
  await sandbox.files.write(`${repo}/a.txt`, "two\n");
  await git.add(repo);
  await git.restore(repo, { paths: ["a.txt"], staged: true });
  expect((await git.status(repo)).hasStaged).toBe(false);
  await git.restore(repo, { paths: ["a.txt"] });
  expect(await sandbox.files.read(`${repo}/a.txt`)).toBe("one\n");
  await sandbox.files.write(`${repo}/a.txt`, "three\n");
  await git.commit(repo, "second", { allowEmpty: true });
  await git.reset(repo, { mode: "hard", target: "HEAD~1" });
  expect((await git.status(repo)).isClean).toBe(true);
  await expect(git.reset(repo, { target: "no-such-commit" })).rejects.toThrow(CommandExitError);
  await expect(git.restore(repo, { paths: [] })).rejects.toThrow(InvalidArgumentError);
});

test("remotes, push, clone, pull", async () => {
  const repo = await makeRepository("pushed");
  const bare = `${repo}.git`;
  const copy = `${repo}-copy`;
  await git.init(bare, { bare: true, initialBranch: "main" });
  expect(await git.remoteGet(repo, "origin")).toBeUndefined();
  await expect(git.pull(repo)).rejects.toThrow(GitUpstreamError);
  await git.remoteAdd(repo, "origin", "/no/such/repository");
  await expect(git.remoteAdd(repo, "origin", bare)).rejects.toThrow(CommandExitError);
  await git.remoteAdd(repo, "origin", bare, { overwrite: true, fetch: true });
  expect(await git.remoteGet(repo, "origin")).toBe(bare);
  await expect(git.push(repo, { setUpstream: false })).rejects.toThrow(GitUpstreamError);
  await git.push(repo, { remote: "origin", branch: "main" });
  expect((await git.status(repo)).upstream).toBe("origin/main");

  await git.clone(bare, { path: copy, branch: "main", depth: 1 });
  await sandbox.files.write(`${copy}/a.txt`, "two\n");
  await git.add(copy);
  await git.commit(copy, "second");
  expect((await git.status(copy)).ahead).toBe(1);
  await git.push(copy);
  await git.pull(repo);
  expect(await sandbox.files.read(`${repo}/a.txt`)).toBe("two\n");
  const failsWith = (text: string): object => ({
    exitCode: 128,
    stderr: expect.stringContaining(text) as string,
  });
  await expect(git.clone("/no/such/repository", { path: "nowhere" })).rejects.toMatchObject(
    failsWith("does not exist"),
  );
  await expect(git.status("/tmp")).rejects.toMatchObject(failsWith("not a git repository"));
});

/** Serves /home/user/srv over HTTP with a password. */
async function startServer(): Promise<CommandHandle> {
  const source = await readFile(new URL("../git-server.py", import.meta.url), "utf8");
  await sandbox.files.write("git-server.py", source);
  let output = "";
  const server = await sandbox.commands.run("python3 git-server.py /home/user/srv 8090 alice secret", {
    background: true,
    timeoutMs: 0,
    onStdout: (text) => void (output += text),
  });
  await eventually(() => output.includes("listening"));
  return server;
}

test("credentials", async () => {
  const url = "http://127.0.0.1:8090/private.git";
  const auth = { username: "alice", password: "secret" };
  const repo = await makeRepository("credentials");
  await git.init("/home/user/srv/private.git", { bare: true, initialBranch: "main" });
  const server = await startServer();
  await expect(git.clone(url, { path: "denied" })).rejects.toThrow(GitAuthError);
  await expect(git.clone(url, { path: "denied", ...auth, password: "wrong" })).rejects.toThrow(GitAuthError);
  await git.remoteAdd(repo, "origin", url);
  await expect(git.push(repo, { remote: "origin", branch: "main" })).rejects.toThrow(GitAuthError);
  await git.push(repo, { remote: "origin", branch: "main", ...auth });
  await git.pull(repo, auth);
  await git.clone(url, { path: "private", ...auth });
  expect(await git.remoteGet("/home/user/private", "origin")).toBe(url);
  await expect(git.dangerouslyAuthenticate({ username: "", password: "" })).rejects.toThrow(
    InvalidArgumentError,
  );
  await git.dangerouslyAuthenticate({ ...auth, host: "127.0.0.1:8090", protocol: "http" });
  await git.clone(url, { path: "stored" });
  expect(await sandbox.files.exists("stored/a.txt")).toBe(true);
  await server.kill();
  await expect(server.wait()).rejects.toThrow(CommandExitError);
});
