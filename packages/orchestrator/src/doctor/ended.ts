import { join } from "node:path";
import type { LogEntry } from "../observe/log-entry.ts";
import { readLog } from "../observe/log-query.ts";
import type { SandboxReport } from "./report.ts";

const maxEntries = 200;
const lastWords = 3;

/** What is kept about a sandbox that this node no longer has; undefined when that is nothing. */
export function endedReport(observeDir: string, sandboxId: string): SandboxReport | undefined {
  const query = { direction: "backward", limit: maxEntries } as const;
  const newestFirst = readLog(join(observeDir, sandboxId), query, Date.now());
  const [last] = newestFirst;
  if (!last) return undefined;
  const end = newestFirst.find(
    ({ logger, message }) => logger === "node" && /ended|could not be/.test(message),
  );
  const created = newestFirst.find(({ message }) => message === "sandbox is created");
  const said = newestFirst
    .filter(({ logger }) => logger !== "node")
    .slice(0, lastWords)
    .toReversed();
  const words = said.length > 0 ? `; it said last: ${said.map(({ message }) => message).join(" | ")}` : "";
  return {
    sandboxID: sandboxId,
    isolation: created?.fields["isolation"] ?? "unknown",
    verdict: "broken",
    layer: "envd",
    evidence: `${endText(end ?? last)}${words}`,
    meaning: meaningOf(end),
    remedy: `create another; sandbank logs ${sandboxId} tells what happened to this one`,
    layers: [],
  };
}

function endText({ atMs, message, fields }: LogEntry): string {
  const { kind, exitCode, error } = fields;
  const how = [kind, exitCode === undefined ? undefined : `exit code ${exitCode}`, error]
    .filter(Boolean)
    .join(", ");
  return `${new Date(atMs).toISOString()}: ${message}${how ? ` (${how})` : ""}`;
}

/** 128 + SIGKILL: who killed envd or its init ended the whole sandbox. */
function meaningOf(end: LogEntry | undefined): string {
  if (end?.fields["kind"] === "killed") return "the sandbox was ended on request or when its time was over";
  if (end?.fields["exitCode"] === "137") {
    return "envd or the sandbox's first process was killed, by somebody or for want of memory, and a sandbox ends with it";
  }
  return "the sandbox has ended: envd or its first process did, and a sandbox ends with it";
}
