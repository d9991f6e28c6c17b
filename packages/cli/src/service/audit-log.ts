import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { AuditEntry, AuditLog } from "@sandbank/api/audit";
import { errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";

const maxFileBytes = 16 * 1024 * 1024;
/** Full files that are kept beside the one that is written: five files in all, 80 MiB. */
const keptFiles = 4;

/** Append-only JSON lines, one per entry; files turn at a size and the oldest goes. */
export class AuditFile implements AuditLog {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #maxFileBytes: number;
  #fd: number;
  #size: number;

  constructor(path: string, logger: Logger, maxBytes = maxFileBytes) {
    this.#path = path;
    this.#logger = logger;
    this.#maxFileBytes = maxBytes;
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    this.#fd = openSync(path, "a", 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  /** What was done is done: an entry that can't be written is in the service's log. */
  write(entry: AuditEntry): void {
    const line = `${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`;
    try {
      if (this.#size > 0 && this.#size + Buffer.byteLength(line) > this.#maxFileBytes) this.#turn();
      this.#size += writeSync(this.#fd, line);
    } catch (error) {
      this.#logger.error({ entry, error: errorText(error) }, "audit entry could not be written");
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #turn(): void {
    for (let number = keptFiles - 1; number > 0; number--) {
      rename(`${this.#path}.${number}`, `${this.#path}.${number + 1}`);
    }
    rename(this.#path, `${this.#path}.1`);
    closeSync(this.#fd);
    this.#fd = openSync(this.#path, "a", 0o600);
    this.#size = fstatSync(this.#fd).size;
  }
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
