import { AuthenticationError, CommandExitError, InvalidArgumentError, Sandbox, TimeoutError } from "e2b";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "./cloud.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create("base", { timeoutMs: 1_800_000, envs: { GLOBAL: "from create" } });
});
afterAll(async () => {
  await sandbox?.kill();
});

test("output and exit code", async () => {
  const result = await sandbox.commands.run("echo out; echo err >&2");
  expect(result).toMatchObject({ stdout: "out\n", stderr: "err\n", exitCode: 0 });
});

test("exit code 3 throws and carries the output", async () => {
  const error: unknown = await sandbox.commands
    .run("echo before; echo why >&2; exit 3")
    .catch((e: unknown) => e);
  expect(error).toBeInstanceOf(CommandExitError);
  expect(error).toMatchObject({ exitCode: 3, stdout: "before\n", stderr: "why\n" });
});

test("user, home, directory, environment", async () => {
  expect((await sandbox.commands.run("id -un; pwd")).stdout).toBe("user\n/home/user\n");
  expect((await sandbox.commands.run("id -u; pwd", { user: "root", cwd: "/etc" })).stdout).toBe("0\n/etc\n");
  const result = await sandbox.commands.run('echo "$GLOBAL|$A"', { envs: { A: "x y ä" } });
  expect(result.stdout).toBe("from create|x y ä\n");
  await expect(sandbox.commands.run("true", { cwd: "/no/such/dir" })).rejects.toThrow(InvalidArgumentError);
  await expect(sandbox.commands.run("true", { user: "nobody-here" })).rejects.toThrow(AuthenticationError);
});

test("a timeout ends the command", async () => {
  const started = performance.now();
  await expect(sandbox.commands.run("sleep 60", { timeoutMs: 1_000 })).rejects.toThrow(TimeoutError);
  expect(performance.now() - started).toBeLessThan(10_000);
});

test("output arrives while the command runs", async () => {
  const seen: string[] = [];
  const onStdout = async (text: string): Promise<void> => {
    seen.push(text);
    if (text === "one\n") await sandbox.files.write("/tmp/heard-one", "");
  };
  // It ends only when the first line has come while it runs.
  const command = "echo one; until [ -e /tmp/heard-one ]; do sleep 0.05; done; echo two";
  await sandbox.commands.run(command, { onStdout });
  expect(seen).toEqual(["one\n", "two\n"]);
});

test("10 MB of output", async () => {
  const result = await sandbox.commands.run("head -c 10000000 /dev/zero | tr '\\0' x");
  expect(result.stdout).toHaveLength(10_000_000);
});

test("a background command with stdin", async () => {
  const handle = await sandbox.commands.run("cat; echo done", { background: true, stdin: true });
  await sandbox.commands.sendStdin(handle.pid, "first\n");
  await sandbox.commands.sendStdin(handle.pid, "second\n");
  await sandbox.commands.closeStdin(handle.pid);
  expect((await handle.wait()).stdout).toBe("first\nsecond\ndone\n");
});

test("list, disconnect, connect, kill", async () => {
  const handle = await sandbox.commands.run("echo ready; sleep 60", { background: true });
  const listed = await sandbox.commands.list();
  expect(listed.find(({ pid }) => pid === handle.pid)).toMatchObject({
    cmd: "/bin/bash",
    args: ["-l", "-c", "echo ready; sleep 60"],
  });
  await handle.disconnect();
  const again = await sandbox.commands.connect(handle.pid);
  expect(await again.kill()).toBe(true);
  await expect(again.wait()).rejects.toThrow(CommandExitError);
  expect(await sandbox.commands.kill(handle.pid)).toBe(false);
});

test("20 commands side by side", async () => {
  const runs = Array.from({ length: 20 }, (_, n) => sandbox.commands.run(`sleep 0.3; echo ${n}`));
  expect((await Promise.all(runs)).map(({ stdout }) => stdout)).toEqual(runs.map((_, n) => `${n}\n`));
});

test("a terminal: size, resize, exit code", async () => {
  let output = "";
  const decoder = new TextDecoder();
  const terminal = await sandbox.pty.create({
    cols: 100,
    rows: 30,
    onData: (data) => void (output += decoder.decode(data, { stream: true })),
  });
  const type = (text: string): Promise<void> =>
    sandbox.pty.sendInput(terminal.pid, new TextEncoder().encode(text));
  await type("stty size\n");
  await eventually(() => output.includes("30 100"));
  await sandbox.pty.resize(terminal.pid, { cols: 120, rows: 50 });
  await type("stty size\n");
  await eventually(() => output.includes("50 120"));
  await type("exit 4\n");
  const error: unknown = await terminal.wait().catch((e: unknown) => e);
  expect(error).toMatchObject({ exitCode: 4 });
});
