import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { AppError } from "@sandbank/core/errors";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
/** Names the way of sealing, so that another can come beside it. */
const scheme = "1";

/** Encrypts texts for the store. Each is bound to its place: moved to another, it does not open. */
export class SecretBox {
  readonly #key: Buffer;

  /** `keyHex` is 64 hex digits. Throws `failed_precondition` for anything else. */
  constructor(keyHex: string) {
    this.#key = Buffer.from(keyHex, "hex");
    if (this.#key.length !== keyBytes) {
      throw new AppError({
        code: "failed_precondition",
        message: "the key of secrets is not 64 hex digits: its file was changed or cut off",
      });
    }
  }

  /** `place` says where the text belongs; the same is needed to open it. */
  seal(text: string, place: string): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(place));
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return `${scheme}.${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64url")}`;
  }

  /** Throws `internal` when the text was sealed with another key or for another place, or was changed. */
  open(sealed: string, place: string): string {
    const [found, body = ""] = sealed.split(".");
    const bytes = Buffer.from(body, "base64url");
    try {
      if (found !== scheme) throw new Error(`unknown scheme ${found}`);
      const nonce = bytes.subarray(0, nonceBytes);
      const decipher = createDecipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes });
      decipher.setAAD(Buffer.from(place));
      decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
      const text = decipher.update(bytes.subarray(nonceBytes + tagBytes));
      return Buffer.concat([text, decipher.final()]).toString("utf8");
    } catch (error) {
      throw new AppError({ code: "internal", message: "a secret can't be decrypted", cause: error });
    }
  }
}
