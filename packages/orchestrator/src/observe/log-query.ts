import { type LogEntry, type LogLevel, logLevels } from "./log-entry.ts";
import { type LogName, linesFromEnd } from "./log-file.ts";

export interface LogQuery {
  /** Forward: entries from there on. Backward: entries up to there. Absent: all of them. */
  cursorMs?: number | undefined;
  direction: "forward" | "backward";
  limit: number;
  /** Least level. */
  level?: LogLevel | undefined;
  /** Part of the message, case-sensitive. */
  search?: string | undefined;
}

const withoutPosition = ({ atMs, level, logger, message, fields }: LogEntry): LogEntry => ({
  atMs,
  level,
  logger,
  message,
  fields,
});

function matcher({ level, search }: LogQuery): (entry: LogEntry) => boolean {
  const least = level === undefined ? 0 : logLevels.indexOf(level);
  return (entry) =>
    logLevels.indexOf(entry.level) >= least && (search === undefined || entry.message.includes(search));
}

/**
 * Readers go on from the millisecond after the last entry, so a page ends between two milliseconds when it can: what is
 * cut off is on the next page, and not lost.
 */
function cutPage(entries: LogEntry[], limit: number): LogEntry[] {
  if (entries.length <= limit) return entries;
  const page = entries.slice(0, limit);
  const splitMs = entries[limit]?.atMs;
  const whole = page.filter((entry) => entry.atMs !== splitMs);
  return whole.length > 0 ? whole : page;
}

/** Entries of a kept log not newer than `horizonMs`: forward oldest first, backward newest first. */
export function readLog(dir: string, query: LogQuery, horizonMs: number, name: LogName = "log"): LogEntry[] {
  const matches = matcher(query);
  const found: LogEntry[] = [];
  const { cursorMs, direction, limit } = query;
  for (const entry of linesFromEnd(dir, name)) {
    if (direction === "forward" && cursorMs !== undefined && entry.atMs < cursorMs) break;
    if (entry.atMs > horizonMs) continue;
    if (direction === "backward" && cursorMs !== undefined && entry.atMs > cursorMs) continue;
    if (!matches(entry)) continue;
    found.push(withoutPosition(entry));
    const beyond = found[limit];
    if (direction === "backward" && beyond && found[limit - 1]?.atMs !== beyond.atMs) break;
  }
  return cutPage(direction === "forward" ? found.toReversed() : found, limit);
}
