import type { SignedFileAccess } from "./signature.ts";

/** Where a running sandbox is reached, and what its traffic must carry. */
export interface SandboxRoute {
  sandboxId: string;
  /** IPv4 address on this host that the kernel rewrites to the guest's. */
  hostAddress: string;
  /** SHA-256 hex of the traffic token; set when ports other than envd's are private. */
  trafficTokenHash?: string | undefined;
  /** `Host` toward ports other than envd's; `${PORT}` stands for the port. The client's own when absent. */
  maskRequestHost?: string | undefined;
  /** Ports whose service speaks TLS. */
  httpsPorts?: readonly number[] | undefined;
}

/** What the edge asks about sandboxes. Implemented by whoever knows them; the edge owns none. */
export interface SandboxDirectory {
  /** The route of a running sandbox, else undefined. Called for every request: no I/O. */
  lookup(sandboxId: string): SandboxRoute | undefined;
  /** The running sandbox whose token made this signature, for signed URLs that name no sandbox. */
  findBySignature(access: SignedFileAccess, signature: string): string | undefined;
  /** Calls `listener` once for each sandbox that stops being reachable; returns the way to stop listening. */
  onGone(listener: (sandboxId: string) => void): () => void;
}
