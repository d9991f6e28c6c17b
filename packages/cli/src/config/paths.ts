import { fileURLToPath } from "node:url";
import { join } from "node:path";
import type { Config } from "./env.ts";

/** The clone that this command runs from. */
export const repositoryDir = fileURLToPath(new URL("../../../../", import.meta.url));

/** The domain of port URLs without its port. */
export const domainHost = (config: Config): string => config.domain.replace(/:\d+$/, "");

/** Where the parts of one cloud keep their files. */
export const pathsOf = (config: Config) => ({
  database: join(config.stateDir, "sandbank.db"),
  apiKeyFile: join(config.stateDir, "api-key"),
  adminTokenFile: join(config.stateDir, "admin-token"),
  secretsKeyFile: join(config.stateDir, "secrets-key"),
  seedFile: join(config.stateDir, "token-seed"),
  tlsDir: join(config.stateDir, "tls", domainHost(config)),
  egressAuthorityFile: join(config.stateDir, "egress-ca.pem"),
  sandboxesDir: join(config.stateDir, "sandboxes"),
  volumesDir: join(config.stateDir, "volumes"),
  observeDir: join(config.stateDir, "observe"),
  buildsDir: join(config.cacheDir, "builds"),
  layersDir: join(config.cacheDir, "layers"),
  runtimeDir: join(config.runDir, "runtime"),
  adminSocket: join(config.runDir, "admin.sock"),
  auditFile: join(config.logDir, "audit.log"),
  logFile: join(config.logDir, "service.log"),
});

export type Paths = ReturnType<typeof pathsOf>;
