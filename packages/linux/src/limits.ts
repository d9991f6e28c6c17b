import { readFileSync } from "node:fs";

/** How many files this process may raise its own limit to (the hard limit); children can't have more without a capability. */
export function openFilesHardLimit(): number {
  const text = readFileSync("/proc/self/limits", "utf8");
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(text)?.[1];
  return hard === undefined || hard === "unlimited" ? 1_048_576 : Number(hard);
}
