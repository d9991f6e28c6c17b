/** What the use-cases need of a node; adapters speak its RPC. Errors are AppErrors as the node made them. */
export interface NodePort {
  info(): Promise<NodeInfo>;
  /** Resolves when the sandbox's daemon answers; rejects with the failing layer as the error's reason. */
  create(config: NodeSandboxConfig): Promise<NodeSandbox>;
  /** Resolves when nothing of the sandbox is left, also when there was nothing. */
  kill(sandboxId: string): Promise<void>;
  list(): Promise<{ sandboxes: NodeSandbox[]; recentEnds: NodeEnd[] }>;
  /** Ends of sandboxes from now on, until `signal` aborts or the connection breaks. */
  watchEnds(signal: AbortSignal): AsyncIterable<NodeEnd>;
}

export interface NodeInfo {
  nodeId: string;
  isolation: string;
  driver: string;
}

export interface NodeSandboxConfig {
  sandboxId: string;
  templateId: string;
  buildId: string;
  cpuCount: number;
  memoryMib: number;
  diskMib: number;
  envVars: Record<string, string>;
  envdAccessToken: string | undefined;
  trafficAccessToken: string | undefined;
  allowInternetAccess: boolean;
}

export interface NodeSandbox {
  sandboxId: string;
  isolation: string;
  driver: string;
  /** IPv4 address on the node's host. */
  hostAddress: string;
}

export interface NodeEnd {
  sandboxId: string;
  atMs: number;
  kind: "killed" | "exited" | "lost";
  exitCode: number | undefined;
}
