import { AppError } from "@sandbank/core/errors";

/** A place in a list that is sorted by time and then id. */
export interface ListPosition {
  startedAtMs: number;
  id: string;
}

/** An opaque text for a place in a list; it remembers the order, so that a cursor can't be used with the other one. */
export function encodeCursor(position: ListPosition, order: "asc" | "desc"): string {
  const time = new Date(position.startedAtMs).toISOString();
  const suffix = order === "asc" ? "__asc" : "";
  return Buffer.from(`${time}__${position.id}${suffix}`).toString("base64url");
}

/** Reads `encodeCursor`'s text; undefined or empty is the beginning. Throws `invalid_argument`. */
export function decodeCursor(text: string | undefined, order: "asc" | "desc"): ListPosition | undefined {
  if (text === undefined || text === "") return undefined;
  const [time = "", id = "", suffix] = Buffer.from(text, "base64url").toString().split("__");
  const startedAtMs = Date.parse(time);
  if (Number.isNaN(startedAtMs) || id === "" || suffix !== (order === "asc" ? "asc" : undefined)) {
    throw new AppError({
      code: "invalid_argument",
      message: `validation error: query field "nextToken" is not a token of this list`,
    });
  }
  return { startedAtMs, id };
}
