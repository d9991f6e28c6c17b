import { randomBytes, randomUUID } from "node:crypto";

const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

/** `length` characters of `[a-z0-9]`, uniformly random. */
export function randomId(length: number): string {
  let id = "";
  while (id.length < length) {
    for (const byte of randomBytes(length)) {
      // 252 is the largest multiple of 36 that fits a byte; higher bytes would favour some characters.
      if (byte < 252 && id.length < length) id += alphabet[byte % 36];
    }
  }
  return id;
}

/** Sandbox ids have a fixed length, because runsc matches ids by prefix. */
export const newSandboxId = (): string => `i${randomId(20)}`;
export const newTemplateId = (): string => randomId(20);
export const newBuildId = (): string => randomUUID();
export const isSandboxId = (text: string): boolean => /^i[a-z0-9]{20}$/.test(text);
