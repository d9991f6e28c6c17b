import type { IncomingHttpHeaders } from "node:http";

const browserAgent = /mozilla|chrome|safari|firefox|edge|opera|msie/i;
const scriptModes = new Set(["cors", "no-cors", "same-origin", "websocket"]);

/** Whether a person looks at the answer: a browser's navigation, not a request made by a script in a page. */
export function wantsHtml(headers: IncomingHttpHeaders): boolean {
  if (!browserAgent.test(headers["user-agent"] ?? "")) return false;
  const mode = headers["sec-fetch-mode"];
  if (mode === "navigate") return true;
  if (typeof mode === "string" && scriptModes.has(mode)) return false;
  if (headers["x-requested-with"] !== undefined) return false;
  const accept = headers.accept ?? "";
  return !accept.includes("application/json") || accept.includes("text/html");
}
