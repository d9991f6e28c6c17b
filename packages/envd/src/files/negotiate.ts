import { HttpError } from "../http/reply.ts";

export interface ByteRange {
  start: number;
  /** Inclusive. */
  end: number;
}

/** `gzip` only when the client names it with a quality above that of identity or equal to it. Neither acceptable: 406. */
export function chooseEncoding(header: string | undefined, identityOnly: boolean): "gzip" | "identity" {
  if (header === undefined || header.trim() === "") return "identity";
  const qualities = new Map<string, number>();
  for (const item of header.split(",")) {
    const [name = "", ...parameters] = item.trim().toLowerCase().split(";");
    const q = parameters
      .map((text) => /^\s*q\s*=\s*([\d.]+)\s*$/.exec(text)?.[1])
      .find((text) => text !== undefined);
    qualities.set(name.trim(), q === undefined ? 1 : Number(q));
  }
  const any = qualities.get("*");
  const identity = qualities.get("identity") ?? (any === 0 ? 0 : undefined);
  const gzip = qualities.get("gzip") ?? qualities.get("x-gzip") ?? any ?? 0;
  if (!identityOnly && gzip > 0 && gzip >= (identity ?? 0)) return "gzip";
  if (identity !== 0) return "identity";
  throw new HttpError(406, "no acceptable encoding: gzip and identity are available");
}

/**
 * The range that a request asks for. Undefined: send all (no, malformed, or several ranges).
 * Beyond the end: 416.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*$/.exec(header ?? "");
  if (!match) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  if (start >= size || (first === "" && Number(last) === 0)) throw new RangeNotSatisfiable(size);
  return { start, end };
}

/** 416, with the size for the Content-Range header. */
export class RangeNotSatisfiable extends HttpError {
  readonly size: number;

  constructor(size: number) {
    super(416, "invalid range: failed to overlap");
    this.size = size;
  }
}

export interface Conditions {
  ifModifiedSince: string | undefined;
  ifUnmodifiedSince: string | undefined;
  ifMatch: string | undefined;
  ifNoneMatch: string | undefined;
}

/** What the conditions of a request come to, for a file with this tag that changed last at `modifiedMs`. */
export function evaluate(
  conditions: Conditions,
  etag: string,
  modifiedMs: number,
): "send" | "not_modified" | "failed" {
  const seconds = Math.floor(modifiedMs / 1000);
  const since = (date: string) => Math.floor(Date.parse(date) / 1000);
  if (conditions.ifMatch !== undefined) {
    if (!names(conditions.ifMatch, etag)) return "failed";
  } else if (conditions.ifUnmodifiedSince !== undefined && seconds > since(conditions.ifUnmodifiedSince)) {
    return "failed";
  }
  if (conditions.ifNoneMatch !== undefined)
    return names(conditions.ifNoneMatch, etag) ? "not_modified" : "send";
  if (conditions.ifModifiedSince !== undefined && seconds <= since(conditions.ifModifiedSince))
    return "not_modified";
  return "send";
}

/** Whether an If-Range header still holds; without one it does. */
export function rangeHolds(ifRange: string | undefined, etag: string, modifiedMs: number): boolean {
  if (ifRange === undefined) return true;
  return ifRange.includes('"')
    ? ifRange === etag
    : Math.floor(modifiedMs / 1000) === Math.floor(Date.parse(ifRange) / 1000);
}

function names(list: string, etag: string): boolean {
  return list.split(",").some((item) => item.trim() === "*" || item.trim().replace(/^W\//, "") === etag);
}
