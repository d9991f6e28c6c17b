import { Sandbox } from "e2b";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, cloud, eventually } from "./cloud.ts";

interface Entry {
  timestamp: string;
  level: string;
  message: string;
  fields: Record<string, string>;
}

const headers = { "X-API-Key": cloud.apiKey };
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.create("base", { timeoutMs: 1_800_000 });
});
afterAll(() => sandbox?.kill());

async function logs(query = ""): Promise<Entry[]> {
  const { status, body } = await ask(`${cloud.apiUrl}/v2/sandboxes/${sandbox.sandboxId}/logs${query}`, {
    headers,
  });
  expect(status).toBe(200);
  return (JSON.parse(body) as { logs: Entry[] }).logs;
}

test("metrics of a sandbox: samples of what it uses, within its limits", async () => {
  const samples = await eventually(async () => {
    const found = await sandbox.getMetrics();
    return found.length > 0 ? found : undefined;
  });
  for (const sample of samples ?? []) {
    expect(sample.timestamp.getTime()).toBeLessThanOrEqual(Date.now());
    expect(sample.cpuCount).toBe(2);
    expect(sample.cpuUsedPct).toBeGreaterThanOrEqual(0);
    expect(sample.cpuUsedPct).toBeLessThanOrEqual(100);
    expect(sample.memUsed).toBeGreaterThan(1024 * 1024);
    expect(sample.memUsed).toBeLessThan(sample.memTotal);
    expect(sample.diskUsed).toBeLessThan(sample.diskTotal);
  }
  expect(await Sandbox.getMetrics(sandbox.sandboxId, { end: new Date(0) })).toEqual([]);
  const all = await ask(`${cloud.apiUrl}/sandboxes/metrics?sandbox_ids=${sandbox.sandboxId}`, { headers });
  const { sandboxes } = JSON.parse(all.body) as { sandboxes: Record<string, { cpuCount: number }> };
  expect(sandboxes[sandbox.sandboxId]?.cpuCount).toBe(2);
});

test("metrics see a busy processor and a file that was written", async () => {
  const before = (await sandbox.getMetrics()).at(-1);
  await sandbox.commands.run(
    "head -c 50M /dev/urandom > ~/big && end=$((SECONDS+8)); while [ $SECONDS -lt $end ]; do :; done",
  );
  const seen = await eventually(async () => {
    const samples = await sandbox.getMetrics();
    const diskUsed = Math.max(...samples.map((sample) => sample.diskUsed));
    const busiest = Math.max(...samples.map((sample) => sample.cpuUsedPct));
    return diskUsed > (before?.diskUsed ?? 0) + 45 * 1024 * 1024 && busiest > 10;
  });
  expect(seen).toBe(true);
});

test("logs tell of the sandbox's start, of commands, and of what they said", async () => {
  const startedMs = Date.now();
  await sandbox.commands.run("echo 'to stdout'; echo 'to stderr' >&2; exit 3").catch(() => undefined);
  const found = await eventually(async () => {
    const entries = await logs(`?direction=forward&cursor=${startedMs}`);
    const pid = entries.find(({ fields }) => fields["command"]?.includes("to stdout"))?.fields["pid"];
    const own = entries.filter(({ fields }) => pid !== undefined && fields["pid"] === pid);
    return own.some(({ message }) => message === "process ended") ? own : undefined;
  });
  const [start, ...rest] = found ?? [];
  expect(start).toMatchObject({ message: "process started", level: "info", fields: { logger: "process" } });
  const said = rest.map(({ message, fields }) => `${message}: ${fields["stream"] ?? fields["exitCode"]}`);
  expect(said.at(-1)).toBe("process ended: 3");
  // Between the two streams there is no order.
  expect(said.slice(0, -1).toSorted()).toEqual(["to stderr: stderr", "to stdout: stdout"]);
  const forward = await logs("?direction=forward");
  expect(forward[0]?.message).toBe("sandbox is created");
  expect(forward.map(({ message }) => message)).toContain("sandbox is ready");
  const times = forward.map(({ timestamp }) => Date.parse(timestamp));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect((await logs("?limit=1"))[0]?.message).toBe("process ended");
  expect((await logs("?search=to%20stderr")).every(({ message }) => message.includes("to stderr"))).toBe(
    true,
  );
  expect(await logs("?level=error")).toEqual([]);
});

test("what is on a terminal is not in the logs; logs outlive their sandbox", async () => {
  const pty = await sandbox.pty.create({ cols: 80, rows: 24, onData: () => undefined });
  await sandbox.pty.sendInput(pty.pid, new TextEncoder().encode("echo pass''word; exit\n"));
  await pty.wait();
  await eventually(async () => (await logs("?limit=1"))[0]?.fields["pid"] === String(pty.pid));
  await sandbox.kill();
  const last = await eventually(async () => {
    const [newest] = await logs("?limit=1");
    return newest?.message === "sandbox ended" ? newest : undefined;
  });
  expect(last?.fields).toMatchObject({ kind: "killed" });
  expect(JSON.stringify(await logs())).not.toContain("password");
  expect((await Sandbox.getMetrics(sandbox.sandboxId)).length).toBeGreaterThan(0);
  const old = await ask(`${cloud.apiUrl}/sandboxes/${sandbox.sandboxId}/logs`, { headers });
  const { logs: lines } = JSON.parse(old.body) as { logs: { line: string }[] };
  for (const { line } of lines) expect(JSON.parse(line)).toHaveProperty("level");
});
