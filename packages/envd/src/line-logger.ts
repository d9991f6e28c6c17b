import type { Writable } from "node:stream";
import type { Logger, LogFields } from "@sandbank/core/logger";

/** JSON lines for the sandbox's console log, with the keys that log readers expect. */
export function lineLogger(output: Writable): Logger {
  const write = (level: string) => (fields: LogFields, message: string) => {
    output.write(
      `${JSON.stringify({ level, time: new Date().toISOString(), logger: "envd", message, ...fields })}\n`,
    );
  };
  return { debug: () => undefined, info: write("info"), warn: write("warn"), error: write("error") };
}
