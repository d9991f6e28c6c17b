import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { Sandbox } from "e2b";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "./cloud.ts";

const program = createRequire(import.meta.url).resolve("@e2b/cli/dist/index.js");
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.create("base", { timeoutMs: 1_800_000 });
});
afterAll(() => sandbox?.kill());

/** E2B's CLI with nothing set but the environment of this cloud; it must not find a standard input to wait for. */
async function e2b(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [program, "sandbox", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 30_000,
    env: { ...process.env, NO_COLOR: "1" },
  });
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
  if (child.exitCode !== 0) throw new Error(`e2b sandbox ${args.join(" ")} ended with ${child.exitCode}`);
  return output;
}

const parseLines = (output: string): Record<string, unknown>[] =>
  output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("exec, and its output in the logs", async () => {
  expect(await e2b("exec", sandbox.sandboxId, "--", "echo from the cli")).toContain("from the cli");
  const lines = await eventually(async () => {
    const found = parseLines(await e2b("logs", sandbox.sandboxId, "--format", "json"));
    return found.some(({ message }) => message === "from the cli") ? found : undefined;
  }, 20_000);
  expect(lines?.[0]).toMatchObject({ logger: "node", message: "sandbox is created" });
  const loggers = await e2b("logs", sandbox.sandboxId, "--format", "json", "--loggers", "node");
  expect(new Set(parseLines(loggers).map(({ logger }) => logger))).toEqual(new Set(["node"]));
});

test("metrics", async () => {
  const lines = await eventually(async () => {
    const found = parseLines(await e2b("metrics", sandbox.sandboxId, "--format", "json"));
    return found.length > 0 ? found : undefined;
  }, 20_000);
  expect(lines?.[0]).toMatchObject({ cpuCount: 2 });
});

test("logs are followed until the sandbox has ended", async () => {
  const own = await Sandbox.create("base", { timeoutMs: 60_000 });
  const following = e2b("logs", "--follow", own.sandboxId, "--format", "json");
  await own.commands.run("echo while following");
  // What the daemon has not written yet when its sandbox is killed is lost.
  await eventually(async () => (await e2b("logs", own.sandboxId)).includes("process ended"));
  await own.kill();
  const messages = parseLines(await following).map(({ message }) => message);
  for (const message of ["sandbox is ready", "while following", "process ended"]) {
    expect(messages.filter((each) => each === message)).toHaveLength(1);
  }
});
