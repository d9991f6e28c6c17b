import { parseArgs } from "node:util";
import type { Isolation } from "./bare-runtime.ts";

/** `--isolation container,gvisor` (both unless told) and `--rounds N` of a bench's command line. */
export function benchArguments(defaultRounds: number): { isolations: Isolation[]; rounds: number } {
  const { values } = parseArgs({
    options: {
      isolation: { type: "string", default: "container,gvisor" },
      rounds: { type: "string", default: String(defaultRounds) },
    },
  });
  const isolations = values.isolation.split(",").map((name) => {
    if (name !== "gvisor" && name !== "container") throw new Error(`no isolation ${name}`);
    return name;
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds} is not a count`);
  return { isolations, rounds };
}
