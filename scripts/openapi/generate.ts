import { readFile, writeFile } from "node:fs/promises";
import openapiTypescript, { astToString } from "openapi-typescript";

// Writes the types of spec/openapi.yml. With `--check` it writes nothing and fails when they are out of date.
const spec = new URL("../../spec/openapi.yml", import.meta.url);
const target = new URL("../../packages/protocol/src/gen/openapi.ts", import.meta.url);

const header = "// @generated from spec/openapi.yml\n/* eslint-disable */\n\n";
const text = header + astToString(await openapiTypescript(spec, { alphabetize: false }));

if (process.argv.includes("--check")) {
  const current = await readFile(target, "utf8").catch(() => "");
  if (current !== text) {
    console.error(
      "packages/protocol/src/gen/openapi.ts does not match spec/openapi.yml: run `npm run generate`",
    );
    process.exitCode = 1;
  }
} else {
  await writeFile(target, text);
}
