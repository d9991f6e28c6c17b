import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { RootView } from "./root-view.ts";

function tree(): string {
  const root = mkdtempSync(join(tmpdir(), "sandbank-root-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "etc/conf.d"), { recursive: true });
  mkdirSync(join(root, "usr/bin"), { recursive: true });
  writeFileSync(join(root, "etc/passwd"), "inside");
  writeFileSync(join(root, "etc/conf.d/b"), "");
  writeFileSync(join(root, "etc/conf.d/a"), "");
  symlinkSync("usr/bin", join(root, "bin"));
  symlinkSync("/etc/passwd", join(root, "usr/bin/absolute"));
  symlinkSync("../../../../../../etc/passwd", join(root, "usr/bin/up"));
  symlinkSync("loop", join(root, "loop"));
  return root;
}

test("links are followed inside and never lead out", () => {
  using view = new RootView(tree());
  for (const path of ["etc/passwd", "/bin/absolute", "/bin/up", "/../../etc/passwd"]) {
    expect(view.text(path)).toBe("inside");
  }
  expect(view.link("/bin/absolute")).toBe("/etc/passwd");
  expect(view.link("/bin")).toBe("usr/bin");
  expect(view.list("/etc/conf.d")).toEqual(["a", "b"]);
  expect(view.hash("/etc/passwd")).toMatch(/^[0-9a-f]{64}$/);
});

test("what is not there, is no file, or goes round in circles is nothing", () => {
  using view = new RootView(tree());
  for (const path of ["/nothing", "/etc", "/loop", "/etc/passwd/x"]) {
    expect(view.read(path)).toBeUndefined();
    expect(view.list(`${path}/x`)).toEqual([]);
  }
  expect(view.link("/etc/passwd")).toBeUndefined();
  expect(view.link("/nothing/x")).toBeUndefined();
});
