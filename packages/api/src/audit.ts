/** Who did something: a key of a team, the operator, a sandbox's own time limit, or the system itself. */
export interface AuditActor {
  kind: "key" | "admin" | "timeout" | "system";
  /** Of the key. */
  id?: string | undefined;
  teamId?: string | undefined;
}

/** One thing that was done, or tried. */
export interface AuditEntry {
  actor: AuditActor;
  /** The operation of the contract, or what happened: `sandbox_ended`, … */
  action: string;
  sandboxId?: string | undefined;
  /** Other things it was done to, by the name of their path parameter. */
  target?: Record<string, string> | undefined;
  /** The client's address. */
  address?: string | undefined;
  outcome: "done" | "refused" | "failed";
  /** HTTP status, exit code, reason: what there is to say about the outcome. */
  detail?: Record<string, unknown> | undefined;
}

/** Where the audit log goes; time and durability are its own. */
export interface AuditLog {
  write(entry: AuditEntry): void;
}
