import type { EdgeError } from "./edge-error.ts";

const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => entities[char] ?? char);

/** What can be done about it, for the person in front of the browser. */
function advice(error: EdgeError): string {
  if (error.port !== undefined && error.message.includes("port is not open")) {
    return `Start a service on port ${error.port} in the sandbox. It must listen on that port, then reload this page.`;
  }
  if (error.status === 502 && error.message.includes("was not found")) {
    return "It has ended, was paused, or never existed. Create a new one, or resume it with the SDK.";
  }
  if (error.status === 403)
    return "Ports of this sandbox are private. Ask its owner for the traffic access token.";
  return "Try again; if it stays, ask the operator of this server.";
}

/** The page that a browser shows in place of the sandbox's. Needs nothing from anywhere else. */
export function errorPage(error: EdgeError): string {
  const facts = [
    error.sandboxId === undefined ? undefined : `Sandbox <code>${escapeHtml(error.sandboxId)}</code>`,
    error.port === undefined ? undefined : `Port <code>${error.port}</code>`,
    `Status <code>${error.status}</code>`,
  ].filter((fact) => fact !== undefined);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(error.message)}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1rem; color-scheme: light dark; }
  h1 { font-size: 1.4rem; }
  p.facts { opacity: .7; }
</style>
<h1>${escapeHtml(error.message)}</h1>
<p>${escapeHtml(advice(error))}</p>
<p class="facts">${facts.join(" · ")}</p>
</html>
`;
}
