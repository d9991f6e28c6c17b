import { extname } from "node:path/posix";

const utf8 = "; charset=utf-8";
const byExtension: Record<string, string> = {
  ".avif": "image/avif",
  ".css": `text/css${utf8}`,
  ".csv": `text/csv${utf8}`,
  ".gif": "image/gif",
  ".gz": "application/gzip",
  ".htm": `text/html${utf8}`,
  ".html": `text/html${utf8}`,
  ".ico": "image/x-icon",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".js": `text/javascript${utf8}`,
  ".json": "application/json",
  ".md": `text/markdown${utf8}`,
  ".mjs": `text/javascript${utf8}`,
  ".mp3": "audio/mpeg",
  ".mp4": "video/mp4",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".tar": "application/x-tar",
  ".txt": `text/plain${utf8}`,
  ".wasm": "application/wasm",
  ".wav": "audio/wav",
  ".webm": "video/webm",
  ".webp": "image/webp",
  ".xml": `text/xml${utf8}`,
  ".yaml": "application/yaml",
  ".yml": "application/yaml",
  ".zip": "application/zip",
};

const magic: [string, string][] = [
  ["\x89PNG\r\n\x1a\n", "image/png"],
  ["\xff\xd8\xff", "image/jpeg"],
  ["GIF8", "image/gif"],
  ["%PDF-", "application/pdf"],
  ["PK\x03\x04", "application/zip"],
  ["\x1f\x8b\x08", "application/x-gzip"],
];

/** By the name's extension, else by the first bytes. */
export function contentType(path: string, start: Uint8Array): string {
  const known = byExtension[extname(path).toLowerCase()];
  if (known) return known;
  const head = Buffer.from(start.buffer, start.byteOffset, Math.min(start.length, 512)).toString("latin1");
  const found = magic.find(([prefix]) => head.startsWith(prefix));
  if (found) return found[1];
  // Control characters that no text has.
  // oxlint-disable-next-line no-control-regex
  return /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/.test(head) ? "application/octet-stream" : `text/plain${utf8}`;
}
