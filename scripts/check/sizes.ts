import { globSync, readFileSync } from "node:fs";

const maxLines = 300;

/** Source files that ask to be two. */
export function checkSizes(): string[] {
  return globSync(["packages/*/src/**/*.ts", "scripts/**/*.ts", "bench/**/*.ts", "tests/**/*.ts"])
    .filter((file) => !file.includes("/gen/") && !file.includes("node_modules"))
    .map((file) => ({ file, lines: readFileSync(file, "utf8").split("\n").length - 1 }))
    .filter(({ file, lines }) => lines > (/\.test\.ts$|-suite\.ts$/.test(file) ? 2 * maxLines : maxLines))
    .map(({ file, lines }) => `${file} has ${lines} lines, more than ${maxLines}: what is it really two of?`);
}
