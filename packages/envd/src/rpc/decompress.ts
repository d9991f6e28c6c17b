import { promisify } from "node:util";
import { AppError } from "@sandbank/core/errors";
import { maxMessageBytes } from "./frames.ts";

/** A message as it was before its encoding (gzip or none). */
export async function decompress(bytes: Buffer, encoding: string | string[] | undefined): Promise<Buffer> {
  if (encoding === undefined || encoding === "identity" || encoding === "") return bytes;
  if (encoding !== "gzip") {
    throw new AppError({
      code: "unimplemented",
      message: `unknown compression "${String(encoding)}": use gzip or identity`,
    });
  }
  // Loaded when first needed: it costs 2 ms and a megabyte.
  const { gunzip } = await import("node:zlib");
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: maxMessageBytes });
  } catch (cause) {
    throw new AppError({
      code: "invalid_argument",
      message: "the message is not valid gzip, or too large",
      cause,
    });
  }
}
