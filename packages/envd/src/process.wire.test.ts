import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startOnBun, startOnNode, type TestDaemon } from "./testing/daemons.ts";
import { WireClient } from "./testing/wire-client.ts";

describe.each([
  ["node", startOnNode],
  ["bun", startOnBun],
] as const)("processes on %s", (runtime, start) => {
  let daemon: TestDaemon;
  let client: WireClient;
  beforeAll(async () => {
    daemon = await start();
    client = new WireClient(daemon.port);
  });
  afterAll(() => daemon.stop());

  /** A process that goes on until it is told to end; gives its pid once it runs. */
  const background = async (tag: string, script: string, more = {}) => {
    const result = client.sh(script, { tag, ...more });
    for (;;) {
      const { body } = await client.unary("process.Process/List", {});
      const found = (body["processes"] as { pid: number; tag?: string }[]).find((entry) => entry.tag === tag);
      if (found) return { pid: found.pid, result };
    }
  };

  it("sends one start, then data, then one end", async () => {
    const result = await client.sh("echo out; echo err >&2");
    expect(result.stdout).toBe("out\n");
    expect(result.stderr).toBe("err\n");
    expect(result.events.at(0)).toBe("start");
    expect(result.events.at(-1)).toBe("end");
    expect(result.end).toEqual({ exitCode: 0, exited: true, status: "exit status 0" });
    expect(result.last).toEqual({});
  });

  it("reports the real pid", async () => {
    const result = await client.sh("echo $$");
    expect(result.stdout).toBe(`${result.pid}\n`);
  });

  it("reports exit codes and signals in Go's words", async () => {
    expect((await client.sh("exit 3")).end).toEqual({
      exitCode: 3,
      exited: true,
      status: "exit status 3",
      error: "exit status 3",
    });
    const killed = { exitCode: -1, exited: false, status: "signal: killed", error: "signal: killed" };
    expect((await client.sh("kill -9 $$")).end).toEqual(killed);
  });

  it("ends a missing program with 127 and refuses a missing directory", async () => {
    const missing = await client.start({ process: { cmd: "no-such-program" }, stdin: false });
    expect(missing.end?.["exitCode"]).toBe(127);
    const nowhere = await client.start({ process: { cmd: "ls", cwd: "/no/such/dir" } });
    expect(nowhere.last.error).toEqual({
      code: "invalid_argument",
      message: "cwd '/no/such/dir' does not exist",
    });
  });

  it("gives real pipes and /dev/null", async () => {
    const result = await client.sh("readlink /proc/$$/fd/0; echo again > /dev/stdout");
    expect(result.stdout).toBe("/dev/null\nagain\n");
  });

  it("takes input until it is closed", async () => {
    const { pid, result } = await background("cat", "cat; echo done", { stdin: true });
    for (const text of ["one\n", "two\n"]) {
      const input = { stdin: Buffer.from(text).toString("base64") };
      await client.unary("process.Process/SendInput", { process: { pid }, input });
    }
    await client.unary("process.Process/CloseStdin", { process: { pid } });
    expect((await result).stdout).toBe("one\ntwo\ndone\n");
  });

  it("kills at the deadline", async () => {
    const result = await client.sh("sleep 60", { tag: "late" }, { "connect-timeout-ms": "200" });
    expect(result.last.error?.code).toBe("deadline_exceeded");
    const late = await client.follow("process.Process/Connect", { process: { tag: "late" } });
    expect(late.end?.["status"]).toBe("signal: killed");
  });

  it("ends with the exit after a signal, though a child holds the output", async () => {
    const { pid, result } = await background("held", "sleep 8 & echo begun; wait");
    expect(
      (await client.unary("process.Process/SendSignal", { process: { pid }, signal: "SIGNAL_SIGKILL" }))
        .status,
    ).toBe(200);
    const started = performance.now();
    expect((await result).end?.["status"]).toBe("signal: killed");
    expect(performance.now() - started).toBeLessThan(6000);
    const again = await client.unary("process.Process/SendSignal", { process: { pid }, signal: 9 });
    expect(again.body["code"]).toBe("not_found");
  });

  it("waits for the end of output, and serves several subscribers", async () => {
    const { pid, result } = await background("two", "(sleep 0.3; echo late) & sleep 0.1; echo early");
    const second = await client.follow("process.Process/Connect", { process: { pid } });
    expect((await result).stdout).toBe("early\nlate\n");
    expect(second.stdout).toContain("late\n");
    expect(second.events.at(0)).toBe("start");
  });

  it("answers bad selectors and signals", async () => {
    const call = async (method: string, message: Record<string, unknown>) =>
      (await client.unary(`process.Process/${method}`, message)).body["code"];
    expect(await call("SendSignal", { signal: 9 })).toBe("unimplemented");
    expect(await call("SendSignal", { process: { pid: 4_000_000 }, signal: 9 })).toBe("not_found");
    expect(await call("SendInput", { process: { pid: "x" } })).toBe("invalid_argument");
  });

  it("sets the environment in order", async () => {
    const result = await client.start({
      process: { cmd: "/usr/bin/env", envs: { HOME: "/mine", X: "1" } },
      stdin: false,
    });
    const names = result.stdout.trim().split("\n");
    expect(names).toContain("HOME=/mine");
    expect(names).toContain("E2B_SANDBOX=true");
    const set = new Set(names.map((line) => line.split("=")[0]));
    expect(set).toEqual(new Set(["E2B_SANDBOX", "HOME", "LOGNAME", "PATH", "USER", "X"]));
  });

  it.skipIf(process.getuid?.() !== 0)("becomes the named user entirely, and stays root itself", async () => {
    const as = (user: string) => ({ authorization: `Basic ${Buffer.from(`${user}:`).toString("base64")}` });
    const script = "id -u; id -g; grep CapEff /proc/$$/status; echo mine > /dev/stdout";
    const message = { process: { cmd: "/bin/sh", args: ["-c", script], cwd: "/" }, stdin: false };
    const result = await client.start(message, as("nobody"));
    expect(result.stdout).toBe("65534\n65534\nCapEff:\t0000000000000000\nmine\n");
    expect((await client.sh("id -u")).stdout).toBe("0\n");
    const unknown = await client.start(message, as("no-such-user"));
    expect(unknown.last.error?.code).toBe("unauthenticated");
  });

  it("carries 8 MiB without loss", async () => {
    const result = await client.sh("head -c 8388608 /dev/zero | tr '\\0' x");
    expect(result.stdout.length).toBe(8_388_608);
  });

  it.skipIf(runtime === "node")("opens and resizes terminals", async () => {
    const pty = { size: { cols: 100, rows: 30 } };
    const script = 'while [ "$(stty size)" = "30 100" ]; do sleep 0.05; done; stty size; exit 4';
    const { pid, result } = await background("pty", script, { pty });
    const resized = await client.unary("process.Process/Update", {
      process: { pid },
      pty: { size: { cols: 90, rows: 20 } },
    });
    expect(resized.status).toBe(200);
    const { pty: output, end } = await result;
    expect(output).toMatch(/20 90\r\n$/);
    expect(end?.["exitCode"]).toBe(4);
    const closed = await client.unary("process.Process/CloseStdin", { process: { pid } });
    expect(closed.status).toBe(404);
  });
});
