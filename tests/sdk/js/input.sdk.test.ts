import {
  AuthenticationError,
  CommandExitError,
  InvalidArgumentError,
  NotFoundError,
  Sandbox,
  SandboxError,
  TimeoutError,
} from "e2b";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "./cloud.ts";

const noSuchPid = 999_999;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create("base", { timeoutMs: 1_800_000 });
});
afterAll(async () => {
  await sandbox?.kill();
});

test("input by handle and by pid, as text and as bytes, for two listeners", async () => {
  const handle = await sandbox.commands.run("cat; echo done", { background: true, stdin: true });
  let heard = "";
  const other = await sandbox.commands.connect(handle.pid, { onStdout: (text) => void (heard += text) });
  expect(other.pid).toBe(handle.pid);
  await handle.sendStdin("text ä€\n");
  await sandbox.commands.sendStdin(handle.pid, bytes("bytes\n"));
  await handle.closeStdin();
  const expected = "text ä€\nbytes\ndone\n";
  expect((await handle.wait()).stdout).toBe(expected);
  expect((await other.wait()).stdout).toBe(expected);
  expect(heard).toBe(expected);
});

test("errors of input", async () => {
  await expect(sandbox.commands.sendStdin(noSuchPid, "x")).rejects.toThrow(NotFoundError);
  await expect(sandbox.commands.closeStdin(noSuchPid)).rejects.toThrow(NotFoundError);
  await expect(sandbox.commands.connect(noSuchPid)).rejects.toThrow(NotFoundError);
  const handle = await sandbox.commands.run("sleep 30", { background: true });
  await expect(sandbox.commands.sendStdin(handle.pid, "x")).rejects.toThrow(SandboxError);
  expect(await handle.kill()).toBe(true);
});

test("connecting after the end gives the exit code", async () => {
  const handle = await sandbox.commands.run("exit 9", { background: true });
  await expect(handle.wait()).rejects.toThrow(CommandExitError);
  expect(handle.exitCode).toBe(9);
  const late = await sandbox.commands.connect(handle.pid);
  await expect(late.wait()).rejects.toMatchObject({ exitCode: 9 });
  expect((await sandbox.commands.list()).map(({ pid }) => pid)).not.toContain(handle.pid);
});

test("a terminal: connecting, interrupting, killing", async () => {
  const first = await sandbox.pty.create({
    cols: 80,
    rows: 24,
    cwd: "/tmp",
    envs: { MARK: "7" },
    onData: () => {},
  });
  await first.disconnect();
  let output = "";
  const onData = (data: Uint8Array): void => void (output += new TextDecoder().decode(data));
  const terminal = await sandbox.pty.connect(first.pid, { onData });
  await sandbox.pty.sendInput(terminal.pid, bytes("echo $MARK-$TERM; pwd; sleep 60\n"));
  await eventually(() => output.includes("7-xterm-256color") && /^\/tmp/m.test(output));
  await sandbox.pty.sendInput(terminal.pid, bytes("\u0003"));
  await sandbox.pty.sendInput(terminal.pid, bytes("echo status-$?\n"));
  await eventually(() => output.includes("status-130"));
  expect(await sandbox.pty.kill(terminal.pid)).toBe(true);
  await expect(terminal.wait()).rejects.toThrow(CommandExitError);
  expect(await sandbox.pty.kill(terminal.pid)).toBe(false);
});

test("errors of terminals", async () => {
  const size = { cols: 80, rows: 24 };
  const create = { ...size, onData: (): void => {} };
  await expect(sandbox.pty.connect(noSuchPid)).rejects.toThrow(NotFoundError);
  await expect(sandbox.pty.resize(noSuchPid, size)).rejects.toThrow(NotFoundError);
  await expect(sandbox.pty.sendInput(noSuchPid, bytes("x"))).rejects.toThrow(NotFoundError);
  await expect(sandbox.pty.create({ ...create, cwd: "/no/such/dir" })).rejects.toThrow(InvalidArgumentError);
  await expect(sandbox.pty.create({ ...create, user: "nobody-here" })).rejects.toThrow(AuthenticationError);
  const short = await sandbox.pty.create({ ...create, timeoutMs: 3_000 });
  await expect(short.wait()).rejects.toThrow(TimeoutError);
});
