/** Levels from least to most severe. */
export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Who said it: the node about the sandbox's life, the daemon, its processes, or anybody else on the console. */
export interface LogEntry {
  /** Milliseconds since 1970, by the host's clock. */
  atMs: number;
  level: LogLevel;
  logger: string;
  message: string;
  fields: Record<string, string>;
}

const isLevel = (text: unknown): text is LogLevel => logLevels.some((level) => level === text);

/** Longest text of one entry's message or field (characters); what is beyond is cut off. */
const maxTextLength = 16 * 1024;

const cut = (text: string): string => (text.length > maxTextLength ? text.slice(0, maxTextLength) : text);

function fieldsOf(members: Record<string, unknown>): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined) continue;
    fields[cut(name)] = cut(typeof value === "string" ? value : JSON.stringify(value));
  }
  return fields;
}

/** An entry of the node's own, or of a part of it. */
export const nodeEntry = (
  level: LogLevel,
  message: string,
  fields: Record<string, unknown>,
  logger = "node",
): LogEntry => ({
  atMs: Date.now(),
  level,
  logger,
  message,
  fields: fieldsOf(fields),
});

function parseObject(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Programs may print what looks like the daemon's lines and is not.
    return undefined;
  }
}

/** One line of the console: an entry of the daemon, or plain text of anybody. */
export function consoleEntry(atMs: number, stream: string, text: string): LogEntry {
  const parsed = parseObject(text);
  const { level, logger, message, time: _, ...rest } = parsed ?? {};
  if (isLevel(level) && typeof logger === "string") {
    return {
      atMs,
      level,
      logger: cut(logger),
      message: typeof message === "string" ? cut(message) : "",
      fields: fieldsOf(rest),
    };
  }
  return { atMs, level: "info", logger: "console", message: cut(text), fields: { stream } };
}
