import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { destination, pino } from "pino";
import type { Logger } from "@sandbank/core/logger";

const maxLogBytes = 64 * 1024 * 1024;

/** The service's JSON-lines log. The file of an earlier run is kept once when it has grown large. */
export function openLog(file: string, level: string): Logger & { flush(): void } {
  mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
  if (existsSync(file) && statSync(file).size > maxLogBytes) renameSync(file, `${file}.1`);
  const stream = destination({ dest: file, sync: true });
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    flush: () => stream.flushSync(),
  };
}
