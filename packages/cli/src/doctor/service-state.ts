import { runUnchecked } from "@sandbank/linux/command";
import { readStat, stateText } from "@sandbank/linux/process";
import type { NodeFacts, StoredSandbox } from "@sandbank/orchestrator/doctor/beliefs";
import { findProgram } from "@sandbank/linux/program";
import type { TlsStatus } from "../service/admin-server.ts";
import type { AdminClient } from "../service/admin-client.ts";

/** What the running service says about itself, for comparison with what doctor sees. */
export interface ServiceFacts {
  pid: number;
  version: string;
  isolation: string;
  node: NodeFacts;
  stored: StoredSandbox[];
  /** How far the wall clock has moved against the clock since boot while the service ran. */
  clockJumpMs: number;
  /** When it speaks TLS. */
  tls?: TlsStatus;
  /** Its wall clock now. */
  nowMs: number;
}

/** `silent`: its process holds the socket and does not answer in time. */
export type ServiceState =
  | { kind: "up"; facts: ServiceFacts; clockOffsetMs: number }
  | { kind: "silent"; pid: number | undefined; why: string }
  | { kind: "down" };

const answerTimeoutMs = 2_000;

/** Asks the service for its facts; finds out what there is when it does not give them. */
export async function serviceState(client: AdminClient, socketPath: string): Promise<ServiceState> {
  try {
    const askedMs = Date.now();
    const facts = (await client.query("/v1/facts", answerTimeoutMs)) as ServiceFacts;
    return { kind: "up", facts, clockOffsetMs: offsetFrom(facts.nowMs, askedMs, Date.now()) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ECONNREFUSED") return { kind: "down" };
    const pid = await socketHolder(socketPath);
    const state = pid === undefined ? undefined : readStat(pid)?.state;
    const process = pid === undefined ? "" : `; pid ${pid} is ${stateText(state ?? "X")}`;
    const late = (error as Error).name === "TimeoutError" || code === "ABORT_ERR";
    const said = late ? `no answer within ${answerTimeoutMs / 1000} s` : message;
    return { kind: "silent", pid, why: `${said}${process}` };
  }
}

/** How far this process' clock is ahead of one that was read some time between two of its own moments. */
const offsetFrom = (readMs: number, beforeMs: number, afterMs: number): number =>
  readMs < beforeMs ? beforeMs - readMs : Math.min(0, afterMs - readMs);

/** The process that listens on a unix socket. */
async function socketHolder(socketPath: string): Promise<number | undefined> {
  if (findProgram("ss") === undefined) return undefined;
  const { stdout } = await runUnchecked("ss", ["-Hlxp"]);
  const line = stdout.split("\n").find((each) => each.split(/\s+/).includes(socketPath));
  const pid = /pid=(\d+)/.exec(line ?? "")?.[1];
  return pid === undefined ? undefined : Number(pid);
}
