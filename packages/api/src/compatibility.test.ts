import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { operationsOf, readContract } from "./http/contract.ts";

/** The types of the newest E2B package carry the API's paths. */
const types = readFileSync(
  join(dirname(createRequire(import.meta.url).resolve("e2b")), "index.d.ts"),
  "utf8",
);
const page = readFileSync(new URL("../../../docs/compatibility.md", import.meta.url), "utf8");

/** Without the names of parameters, which are nobody's contract. */
const shapeOf = (operation: string): string => operation.replaceAll(/\{\w+\}|:\w+/g, "{}");

/** The rows of a section's table: what the first column names in code, and the state. */
function rowsOf(section: string): Map<string, string> {
  const text = page.split(`## ${section}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = [...text.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)];
  return new Map(rows.map(([, subject = "", state = ""]) => [subject, state]));
}

/** The body of a top-level declaration; members are indented by two spaces. */
const bodyOf = (head: RegExp): string =>
  new RegExp(`^${head.source}[^{\\n]*\\{\\n(.*?)^\\}`, "ms").exec(types)?.[1] ?? "";

function operationsOfPackage(): string[] {
  const paths = bodyOf(/interface paths/).matchAll(/^ {2}"(\/[^"]*)": \{\n(.*?)^ {2}\}/gms);
  return [...paths].flatMap(([, path, body = ""]) =>
    [...body.matchAll(/^ {4}(get|put|post|patch|delete): \{/gm)].map(
      ([, method = ""]) => `${method.toUpperCase()} ${path}`,
    ),
  );
}

const served = new Map(
  operationsOf(readContract()).map((operation) => [
    shapeOf(`${operation.method} ${operation.url}`),
    operation.notYet,
  ]),
);
const documented = new Map([...rowsOf("Control plane")].map(([name, state]) => [shapeOf(name), state]));

test("every operation of the e2b package is served, announced, or left out for a reason", () => {
  const operations = operationsOfPackage();
  expect(operations.length).toBeGreaterThan(40);
  const missing = operations.filter((name) => {
    const state = documented.get(shapeOf(name));
    return !served.has(shapeOf(name)) && !/^not served \(404\): \S/.test(state ?? "");
  });
  expect(missing).toEqual([]);
});

test("docs/compatibility.md has a row for each operation, saying what the contract says", () => {
  const stateOf = (shape: string): string => {
    const notYet = served.get(shape);
    if (notYet === undefined) return "not served (404)";
    return notYet ? "501" : "works";
  };
  const shapes = new Set([...served.keys(), ...documented.keys()]);
  const wrong = [...shapes].filter((shape) => !documented.get(shape)?.startsWith(stateOf(shape)));
  expect(wrong).toEqual([]);
});

/** Public methods of a class of the package; getters and fields are no operations. */
function methodsOf(className: string): string[] {
  const body = bodyOf(new RegExp(`declare (?:abstract )?class ${className}\\b`));
  const names = [...body.matchAll(/^ {2}(?:static )?(?:async )?(\w+)(?:<[^(]*>)?\(/gm)].map(
    ([, name]) => name,
  );
  return [...new Set(names)].filter((name) => name !== undefined && name !== "constructor") as string[];
}

test("docs/compatibility.md has a row for each method of the SDK", () => {
  const classes: [inPackage: string, onPage: string][] = [
    ["Sandbox", "Sandbox"],
    ["SandboxApi", "Sandbox"],
    ["SandboxPaginator", "SandboxPaginator"],
    ["SnapshotPaginator", "SnapshotPaginator"],
    ["SecretPaginator", "SecretPaginator"],
    ["Commands", "Commands"],
    ["CommandHandle", "CommandHandle"],
    ["Filesystem", "Filesystem"],
    ["WatchHandle", "WatchHandle"],
    ["Pty", "Pty"],
    ["Git", "Git"],
    ["Secret", "Secret"],
    ["Volume", "Volume"],
    ["TemplateBase", "Template"],
  ];
  const expected = classes.flatMap(([inPackage, onPage]) => {
    const methods = methodsOf(inPackage);
    expect([inPackage, methods.length > 0]).toEqual([inPackage, true]);
    return methods.map((name) => `${onPage}.${name}`);
  });
  const rows = rowsOf("SDK methods");
  expect(expected.filter((name) => !/^(works|differs|not yet: )/.test(rows.get(name) ?? ""))).toEqual([]);
  expect([...rows.keys()].filter((name) => !expected.includes(name))).toEqual([]);
});
