import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { Kysely } from "kysely";
import { AppError, errorText } from "@sandbank/core/errors";
import { ApiKeyStore } from "./api-keys.ts";
import { IdempotencyStore } from "./idempotency.ts";
import { migrate } from "./migrations.ts";
import { NodeStore } from "./nodes.ts";
import { SandboxStore } from "./sandboxes.ts";
import type { Database } from "./schema.ts";
import { nodeSqliteDialect } from "./sqlite.ts";
import { SecretStore } from "./secrets.ts";
import { TeamStore } from "./teams.ts";
import { TemplateStore } from "./templates.ts";
import { VolumeStore } from "./volumes.ts";

/** One store per aggregate over one database. */
export interface Store {
  readonly teams: TeamStore;
  readonly apiKeys: ApiKeyStore;
  readonly templates: TemplateStore;
  readonly sandboxes: SandboxStore;
  readonly nodes: NodeStore;
  readonly secrets: SecretStore;
  readonly volumes: VolumeStore;
  readonly idempotency: IdempotencyStore;
  close(): Promise<void>;
}

export interface StoreOptions {
  /** SQLite file, made with its directory when missing; `:memory:` for one that ends with the process. */
  path: string;
  /** Only look: the file must be there and is neither made nor brought to the newest schema. */
  readonly?: boolean;
}

function openDialect({ path, readonly = false }: StoreOptions): ReturnType<typeof nodeSqliteDialect> {
  try {
    if (readonly) return nodeSqliteDialect(path, { readonly });
    // Environment variables are for the owner of the service only; SQLite gives its side files the same mode.
    if (path !== ":memory:") {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      closeSync(openSync(path, "a", 0o600));
    }
    return nodeSqliteDialect(path);
  } catch (error) {
    throw new AppError({
      code: "failed_precondition",
      message: `the database ${path} can't be opened: ${errorText(error)}`,
      cause: error,
    });
  }
}

/** Opens the database and brings it to the newest schema. Rejects with AppError `failed_precondition`. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const db = new Kysely<Database>({ dialect: openDialect(options) });
  try {
    if (!options.readonly) await migrate(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    teams: new TeamStore(db),
    apiKeys: new ApiKeyStore(db),
    templates: new TemplateStore(db),
    sandboxes: new SandboxStore(db),
    nodes: new NodeStore(db),
    secrets: new SecretStore(db),
    volumes: new VolumeStore(db),
    idempotency: new IdempotencyStore(db),
    close: () => db.destroy(),
  };
}
