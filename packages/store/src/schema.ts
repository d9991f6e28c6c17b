/**
 * The tables as Kysely sees them. Only types that SQLite and PostgreSQL share: text, integer, bigint.
 * Times are integer milliseconds since 1970, flags are 0 or 1, structures are JSON texts.
 * A dialect must give bigint columns as numbers: milliseconds fit.
 */

type Flag = 0 | 1;

export interface TeamsTable {
  id: string;
  /** Namespace of the team's templates. */
  slug: string;
  name: string;
  /** JSON: the limits that differ from the server's defaults. */
  limits: string;
  blocked: Flag;
  created_at: number;
}

export interface ApiKeysTable {
  id: string;
  team_id: string;
  name: string;
  /** SHA-256 hex of the whole key. */
  hash: string;
  /** JSON: what listings may show of the key. */
  mask: string;
  created_at: number;
  last_used_at: number | null;
  /** Id of the key that asked for this one; null for keys made on the machine. */
  created_by: string | null;
}

/** Which sandbox a client's `Idempotency-Key` made; goes with the sandbox's row. */
export interface IdempotencyKeysTable {
  team_id: string;
  key: string;
  /** SHA-256 hex of the request. */
  request_hash: string;
  sandbox_id: string;
  created_at: number;
}

export interface SecretsTable {
  id: string;
  team_id: string;
  name: string;
  /** JSON: string map. */
  metadata: string;
  current_version: number;
  created_at: number;
  updated_at: number;
}

export interface SecretVersionsTable {
  secret_id: string;
  version: number;
  /** The value, encrypted by whoever gave it to the store. */
  sealed_value: string;
  created_at: number;
}

export interface VolumesTable {
  /** UUID. */
  id: string;
  team_id: string;
  name: string;
  size_mib: number;
  state: string;
  created_at: number;
}

export interface NodesTable {
  id: string;
  /** What an operator set: `ready` or `draining`. */
  status: string;
  updated_at: number;
}

export interface TemplatesTable {
  id: string;
  team_id: string;
  public: Flag;
  created_at: number;
  updated_at: number;
  spawn_count: number;
  last_spawned_at: number | null;
}

export interface TemplateNamesTable {
  /** Slug of a team; empty for the names that every team sees. */
  namespace: string;
  alias: string;
  template_id: string;
}

export interface TemplateBuildsTable {
  /** UUID. */
  id: string;
  template_id: string;
  status: string;
  cpu_count: number;
  memory_mib: number;
  disk_mib: number;
  envd_version: string;
  /** JSON: BuildManifest. */
  manifest: string;
  created_at: number;
  updated_at: number;
  finished_at: number | null;
}

export interface TemplateTagsTable {
  template_id: string;
  tag: string;
  build_id: string;
  created_at: number;
}

export interface SandboxesTable {
  id: string;
  team_id: string;
  template_id: string;
  build_id: string;
  alias: string | null;
  state: string;
  created_at: number;
  started_at: number;
  end_at: number;
  /** What the client asked for; resuming starts from it. */
  timeout_ms: number;
  cpu_count: number;
  memory_mib: number;
  disk_mib: number;
  envd_version: string;
  metadata: string;
  env_vars: string;
  secure: Flag;
  allow_internet_access: Flag | null;
  network: string | null;
  auto_pause: Flag;
  auto_resume: Flag;
  isolation: string | null;
  driver: string | null;
  node_id: string | null;
  host_address: string | null;
  /** JSON: which volumes are mounted where. */
  volume_mounts: string;
  end_reason: string | null;
  exit_code: number | null;
  ended_at: number | null;
}

/** Makes metadata searchable without JSON functions, which differ between databases. */
export interface SandboxMetadataTable {
  sandbox_id: string;
  /** SHA-256 hex of key and value: of one size, however long the texts. */
  pair_hash: string;
}

export interface Database {
  teams: TeamsTable;
  api_keys: ApiKeysTable;
  templates: TemplatesTable;
  template_names: TemplateNamesTable;
  template_builds: TemplateBuildsTable;
  template_tags: TemplateTagsTable;
  sandboxes: SandboxesTable;
  sandbox_metadata: SandboxMetadataTable;
  idempotency_keys: IdempotencyKeysTable;
  secrets: SecretsTable;
  secret_versions: SecretVersionsTable;
  volumes: VolumesTable;
  nodes: NodesTable;
}

export const toFlag = (value: boolean): Flag => (value ? 1 : 0);
export const fromFlag = (value: Flag): boolean => value === 1;
