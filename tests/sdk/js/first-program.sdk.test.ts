import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Sandbox } from "e2b";

const program = `
import { Sandbox } from 'e2b'
const s = await Sandbox.create('base')
console.log((await s.commands.run('echo test')).stdout)
`;

test("the first program of the documentation prints test", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: import.meta.dirname,
    timeout: 60_000,
  });
  expect(stdout.trim()).toBe("test");
});

test("python3 and node run in the sandbox", async () => {
  const sandbox = await Sandbox.create("base", { timeoutMs: 60_000 });
  try {
    expect((await sandbox.commands.run("python3 -c 'print(6 * 7)'")).stdout).toBe("42\n");
    expect((await sandbox.commands.run("node -e 'console.log(6 * 7)'")).stdout).toBe("42\n");
  } finally {
    await sandbox.kill();
  }
});
