/** Routes of envd that only the control plane may call; it calls them on the node, never through the edge. */
const internalRoutes = new Set([
  "/init",
  "/freeze",
  "/unfreeze",
  "/collapse",
  "/fsfreeze",
  "/fsthaw",
  "/upgrade",
]);

/** `url` is a request target that begins with a slash. Spellings that a lenient router may take for the same path count too. */
export function isInternalEnvdRoute(url: string): boolean {
  const query = url.indexOf("?");
  const path = query === -1 ? url : url.slice(0, query);
  if (internalRoutes.has(path)) return true;
  // Everything that envd answers is plain; only odd spellings pay for the normal form.
  if (!/[%\\.A-Z#;]|\/\/|\/$/.test(path)) return false;
  return internalRoutes.has(normalForm(path));
}

function normalForm(path: string): string {
  let text = path;
  try {
    text = decodeURIComponent(path);
  } catch {
    // Not decodable as UTF-8: no router turns it into one of the plain names.
  }
  const pathname = text.replaceAll("\\", "/").split(/[#;?]/)[0] ?? "";
  const segments: string[] = [];
  for (const segment of pathname.toLowerCase().split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return `/${segments.join("/")}`;
}
