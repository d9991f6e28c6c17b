import { z } from "zod";
import { AppError } from "@sandbank/core/errors";

const port = z.coerce.number().int().min(1).max(65_535);
const count = z.coerce.number().int().min(0);
const absolutePath = z.string().regex(/^\//, "must be an absolute path");

/** Every setting, by its environment variable. */
const settings = z.object({
  SANDBANK_STATE_DIR: absolutePath
    .default("/var/lib/sandbank")
    .describe("what must not be lost: database, keys, templates, sandboxes"),
  SANDBANK_CACHE_DIR: absolutePath
    .default("/var/cache/sandbank")
    .describe("what can be made again: base template, envd, runsc"),
  SANDBANK_RUN_DIR: absolutePath.default("/run/sandbank").describe("sockets and runtime state"),
  SANDBANK_LOG_DIR: absolutePath.default("/var/log/sandbank").describe("the service's log"),
  SANDBANK_BIND: z
    .ipv4()
    .default("127.0.0.1")
    .describe("address that the API and the sandbox proxy listen on"),
  SANDBANK_API_PORT: port.default(3000).describe("port of the API"),
  SANDBANK_PROXY_PORT: port.default(49_983).describe("port of the sandbox proxy"),
  SANDBANK_DOMAIN: z
    .string()
    .optional()
    .describe("domain of port URLs; localhost with the proxy's port unless told"),
  SANDBANK_TLS: z
    .enum(["off", "on"])
    .default("off")
    .describe("on: API and sandbox proxy speak TLS too, as `up --tls` asks for"),
  SANDBANK_TLS_CERT: absolutePath
    .optional()
    .describe(
      "certificate (with its chain) for the domain and *.domain, PEM; a local authority makes one unless told",
    ),
  SANDBANK_TLS_KEY: absolutePath.optional().describe("its private key, PEM"),
  SANDBANK_DEBUG_SANDBOX: z
    .enum(["on", "off"])
    .default("on")
    .describe("on: clients with E2B_DEBUG=true on this machine share one sandbox; never beyond loopback"),
  SANDBANK_ISOLATION: z
    .enum(["auto", "microvm", "gvisor", "container"])
    .default("auto")
    .describe("isolation tier of new sandboxes; auto takes the strongest that boots"),
  SANDBANK_TAG: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,3}$/, "must be 1 to 4 lower-case letters or digits")
    .default("sb")
    .describe("begins the names of this cloud's devices, namespaces and tables"),
  SANDBANK_HOST_PREFIX: z
    .string()
    .regex(/^10\.\d{1,3}$/, "must be like 10.11")
    .default("10.11")
    .describe("first two numbers of the host-side addresses of sandboxes"),
  SANDBANK_SLOT_POOL: count.max(256).default(4).describe("network slots kept ready"),
  SANDBANK_CONCURRENT_STARTS: count.min(1).default(4).describe("sandboxes that start at the same time"),
  SANDBANK_PIDS_LIMIT: count.min(16).default(1024).describe("processes and threads in one sandbox"),
  SANDBANK_MAX_SANDBOXES: count.min(1).default(100).describe("sandboxes that a team may have at a time"),
  SANDBANK_MAX_CPUS: count.default(0).describe("CPUs of all sandboxes of a team; 0 is unlimited"),
  SANDBANK_MAX_MEMORY_MIB: count.default(0).describe("memory of all sandboxes of a team; 0 is unlimited"),
  SANDBANK_MAX_DISK_MIB: count.default(0).describe("disk of all sandboxes of a team; 0 is unlimited"),
  SANDBANK_VOLUME_MIB: count
    .min(16)
    .max(16 * 1024 * 1024)
    .default(10_240)
    .describe("size of a new volume in MiB; it takes room as it fills"),
  SANDBANK_MAX_VOLUMES: count.min(1).default(100).describe("volumes that a team may have at a time"),
  SANDBANK_MAX_VOLUMES_MIB: count.default(0).describe("sizes of all volumes of a team; 0 is unlimited"),
  SANDBANK_MAX_REQUESTS_PER_SEC: count
    .min(1)
    .default(1_000)
    .describe("API requests of a team per second, on average; twice as many pass at once"),
  SANDBANK_MAX_KEY_REQUESTS_PER_SEC: count.min(1).default(1_000).describe("the same for one key"),
  SANDBANK_MAX_SANDBOX_HOURS: count.min(1).default(24).describe("hours that a sandbox may live"),
  SANDBANK_MAX_CONNECTIONS_PER_SANDBOX: count
    .default(0)
    .describe("requests and WebSockets to one sandbox at a time; 0 is unlimited"),
  SANDBANK_METRICS_PORT: port
    .optional()
    .describe("port on 127.0.0.1 that serves Prometheus metrics; none unless told"),
  SANDBANK_SANDBOX_LOG_MIB: count.min(1).default(4).describe("MiB that the log of one sandbox may take"),
  SANDBANK_KEPT_LOGS_MIB: count
    .min(1)
    .default(1024)
    .describe("MiB that all logs and metrics of sandboxes may take; those of the longest ended go first"),
  SANDBANK_KEPT_LOGS_HOURS: count
    .min(0)
    .default(72)
    .describe("hours that a sandbox's log and metrics are kept after its end"),
  SANDBANK_LOG_LEVEL: z
    .enum(["debug", "info", "warn", "error"])
    .default("info")
    .describe("how much the service logs"),
});

export interface Config {
  stateDir: string;
  cacheDir: string;
  runDir: string;
  logDir: string;
  bindAddress: string;
  apiPort: number;
  proxyPort: number;
  domain: string;
  /** Undefined: plain HTTP only. */
  tls: { kind: "local" } | { kind: "files"; certificateFile: string; keyFile: string } | undefined;
  /** Whether clients in debug mode get a sandbox. */
  debugSandbox: boolean;
  /** The user who ran this through sudo. */
  invokingUser: number | undefined;
  isolation: "auto" | "microvm" | "gvisor" | "container";
  tag: string;
  hostPrefix: string;
  slotPoolSize: number;
  maxConcurrentStarts: number;
  pidsLimit: number;
  /** Of teams that have none of their own. */
  limits: {
    maxSandboxes: number;
    maxCpuCount: number;
    maxMemoryMib: number;
    maxDiskMib: number;
    maxVolumes: number;
    maxVolumesMib: number;
    volumeMib: number;
    maxLengthMs: number;
    maxRequestsPerSec: number;
    maxKeyRequestsPerSec: number;
  };
  maxConnectionsPerSandbox: number | undefined;
  metricsPort: number | undefined;
  sandboxLogMib: number;
  keptLogsMib: number;
  keptLogsHours: number;
  logLevel: "debug" | "info" | "warn" | "error";
}

/**
 * Reads the environment; an unknown SANDBANK_ name or a bad value is an error that names it. `options` are settings that
 * the command line has options for.
 */
export function readConfig(
  env: NodeJS.ProcessEnv = process.env,
  options: { tls?: boolean | undefined } = {},
): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith("SANDBANK_")));
  // The test runner tells its suites about the cloud under test this way.
  for (const name of Object.keys(given)) if (name.startsWith("SANDBANK_TEST_")) delete given[name];
  const parsed = settings.strict().safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`);
    throw new AppError({ code: "invalid_argument", message: `bad settings: ${problems.join("; ")}` });
  }
  const values = parsed.data;
  const tlsIsOn = options.tls === true || values.SANDBANK_TLS === "on";
  return {
    stateDir: values.SANDBANK_STATE_DIR,
    cacheDir: values.SANDBANK_CACHE_DIR,
    runDir: values.SANDBANK_RUN_DIR,
    logDir: values.SANDBANK_LOG_DIR,
    bindAddress: values.SANDBANK_BIND,
    apiPort: values.SANDBANK_API_PORT,
    proxyPort: values.SANDBANK_PROXY_PORT,
    domain: values.SANDBANK_DOMAIN ?? `localhost:${values.SANDBANK_PROXY_PORT}`,
    tls: tlsOf(tlsIsOn, values.SANDBANK_TLS_CERT, values.SANDBANK_TLS_KEY),
    debugSandbox: values.SANDBANK_DEBUG_SANDBOX === "on" && values.SANDBANK_BIND.startsWith("127."),
    invokingUser: /^\d+$/.test(env["SUDO_UID"] ?? "") ? Number(env["SUDO_UID"]) : undefined,
    isolation: values.SANDBANK_ISOLATION,
    tag: values.SANDBANK_TAG,
    hostPrefix: values.SANDBANK_HOST_PREFIX,
    slotPoolSize: values.SANDBANK_SLOT_POOL,
    maxConcurrentStarts: values.SANDBANK_CONCURRENT_STARTS,
    pidsLimit: values.SANDBANK_PIDS_LIMIT,
    limits: {
      maxSandboxes: values.SANDBANK_MAX_SANDBOXES,
      maxCpuCount: values.SANDBANK_MAX_CPUS || Number.POSITIVE_INFINITY,
      maxMemoryMib: values.SANDBANK_MAX_MEMORY_MIB || Number.POSITIVE_INFINITY,
      maxDiskMib: values.SANDBANK_MAX_DISK_MIB || Number.POSITIVE_INFINITY,
      maxVolumes: values.SANDBANK_MAX_VOLUMES,
      maxVolumesMib: values.SANDBANK_MAX_VOLUMES_MIB || Number.POSITIVE_INFINITY,
      volumeMib: values.SANDBANK_VOLUME_MIB,
      maxLengthMs: values.SANDBANK_MAX_SANDBOX_HOURS * 3_600_000,
      maxRequestsPerSec: values.SANDBANK_MAX_REQUESTS_PER_SEC,
      maxKeyRequestsPerSec: values.SANDBANK_MAX_KEY_REQUESTS_PER_SEC,
    },
    maxConnectionsPerSandbox: values.SANDBANK_MAX_CONNECTIONS_PER_SANDBOX || undefined,
    metricsPort: values.SANDBANK_METRICS_PORT,
    sandboxLogMib: values.SANDBANK_SANDBOX_LOG_MIB,
    keptLogsMib: values.SANDBANK_KEPT_LOGS_MIB,
    keptLogsHours: values.SANDBANK_KEPT_LOGS_HOURS,
    logLevel: values.SANDBANK_LOG_LEVEL,
  };
}

function tlsOf(isOn: boolean, certificateFile?: string, keyFile?: string): Config["tls"] {
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    const message = "bad settings: SANDBANK_TLS_CERT and SANDBANK_TLS_KEY belong together";
    throw new AppError({ code: "invalid_argument", message });
  }
  if (certificateFile !== undefined && keyFile !== undefined) {
    return { kind: "files", certificateFile, keyFile };
  }
  return isOn ? { kind: "local" } : undefined;
}

/** All settings with the value in force and what they are for, for `--print-config`. */
export function describeConfig(env: NodeJS.ProcessEnv = process.env): string {
  readConfig(env);
  const lines = Object.entries(settings.shape).map(([name, schema]) => {
    const value = env[name] ?? schema.parse(undefined) ?? "";
    return `${name}=${value}\n    ${schema.description ?? ""}`;
  });
  return `${lines.join("\n")}\n`;
}

const toolVariables =
  /^(PATH|HOME|LANG|.*_PROXY|.*_proxy|NODE_EXTRA_CA_CERTS|NODE_COMPILE_CACHE|SSL_CERT_FILE|SSL_CERT_DIR|GOPROXY|GOFLAGS|npm_config_.*|PIP_.*)$/;

/** What package clients (apt, npm, go, pip) may see of the environment: search path, proxies, certificates. */
export function toolEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const chosen: Record<string, string> = { HOME: "/root" };
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && toolVariables.test(name)) chosen[name] = value;
  }
  return { ...chosen, DEBIAN_FRONTEND: "noninteractive" };
}

/** Authorities that programs started from here trust already: instead of the system's, and beside them. */
export const trustedAuthorityFiles = (
  env: NodeJS.ProcessEnv = process.env,
): { instead: string | undefined; besides: string | undefined } => ({
  instead: env["SSL_CERT_FILE"] || undefined,
  besides: env["NODE_EXTRA_CA_CERTS"] || undefined,
});

/** Whether colours and redrawn lines make sense. */
export const plainOutput = (env: NodeJS.ProcessEnv = process.env): boolean =>
  env["NO_COLOR"] !== undefined || env["CI"] !== undefined || !process.stdout.isTTY;
