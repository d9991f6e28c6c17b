import type { Writable } from "node:stream";
import type { Logger, LogFields } from "@sandbank/core/logger";

/** How long lines of no urgency wait for others, so that a burst of commands costs few writes (ms). */
const gatherMs = 10;
const maxGatheredLength = 32 * 1024;

/**
 * JSON lines for the sandbox's console log, with the keys that log readers expect; `fields` may name another logger.
 * Warnings and errors are written at once, other lines a little later.
 */
export function lineLogger(output: Writable): Logger & { flush(): void } {
  let gathered = "";
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (gathered !== "") output.write(gathered);
    gathered = "";
  };
  const add = (level: string, fields: LogFields, message: string): void => {
    gathered += `${JSON.stringify({ level, time: new Date().toISOString(), logger: "envd", message, ...fields })}\n`;
  };
  const soon = (level: string) => (fields: LogFields, message: string) => {
    add(level, fields, message);
    if (gathered.length > maxGatheredLength) flush();
    else timer ??= setTimeout(flush, gatherMs);
  };
  const now = (level: string) => (fields: LogFields, message: string) => {
    add(level, fields, message);
    flush();
  };
  return { debug: () => undefined, info: soon("info"), warn: now("warn"), error: now("error"), flush };
}
