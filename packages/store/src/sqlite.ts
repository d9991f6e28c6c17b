import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  SqliteDialect,
  SqliteDriver,
  type SqliteDatabase,
  type SqliteDialectConfig,
  type SqliteStatement,
} from "kysely";

/** How long a statement waits for another process (the CLI beside the service) to finish its write. */
const busyTimeoutMs = 5_000;
/** Statement texts come from code, so a process uses a few dozen; the bound only guards against a mistake. */
const maxCachedStatements = 256;

/** Kysely knows better-sqlite3's statements, which say whether they give rows and take parameters as a list. */
function adaptStatement(statement: StatementSync): SqliteStatement {
  const reader = statement.columns().length > 0;
  const bind = (parameters: readonly unknown[]): SQLInputValue[] => [...parameters] as SQLInputValue[];
  return {
    reader,
    all: (parameters) => statement.all(...bind(parameters)),
    run: (parameters) => statement.run(...bind(parameters)),
    iterate: (parameters) => statement.iterate(...bind(parameters)),
  };
}

function adaptDatabase(database: DatabaseSync): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    prepare(sql) {
      const known = statements.get(sql);
      if (known) return known;
      if (statements.size >= maxCachedStatements) statements.clear();
      const statement = adaptStatement(database.prepare(sql));
      statements.set(sql, statement);
      return statement;
    },
    close() {
      statements.clear();
      database.close();
    },
  };
}

/**
 * A deferred transaction that reads first fails at once, busy timeout or not, when another process wrote
 * meanwhile: every transaction here means to write, so it takes the write lock at its beginning.
 */
class ImmediateSqliteDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("begin immediate"));
  }
}

class NodeSqliteDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig;

  constructor(config: SqliteDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver(): Driver {
    return new ImmediateSqliteDriver(this.#config);
  }
}

/** Kysely's SQLite dialect over node:sqlite. `path` may be `:memory:`. Throws when the file can't be opened. */
export function nodeSqliteDialect(path: string, { readonly = false } = {}): SqliteDialect {
  const options = { timeout: busyTimeoutMs, enableForeignKeyConstraints: true, readOnly: readonly };
  const database = new DatabaseSync(path, options);
  if (readonly) return new NodeSqliteDialect({ database: adaptDatabase(database) });
  try {
    database.exec("pragma journal_mode = wal");
    // With WAL this loses nothing when a process dies; a power cut may lose the last transactions, never the file.
    database.exec("pragma synchronous = normal");
  } catch (error) {
    database.close();
    throw error;
  }
  return new NodeSqliteDialect({ database: adaptDatabase(database) });
}
