import type { Exchange } from "../http/server.ts";

const bulkBytes = 16 * 1024 * 1024;

/** Serves a request and, when much went through memory for it, has the memory given back. */
export async function withCollection(
  exchange: Exchange,
  collectGarbage: () => void,
  serve: () => Promise<void>,
): Promise<void> {
  try {
    await serve();
  } finally {
    const { request, response } = exchange;
    const sizes = [request.headers["content-length"], response.getHeader("content-length")].map(Number);
    if (sizes.some((size) => size > bulkBytes)) setImmediate(collectGarbage);
  }
}
