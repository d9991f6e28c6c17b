import type { ExitStatus } from "../runtime/runtime.ts";

export type OutputKind = "stdout" | "stderr" | "pty";

/** The `end` event in protojson form. */
export interface EndEvent {
  exitCode: number;
  exited: boolean;
  status: string;
  error?: string;
}

/** One stream of a process's events: `start` once, then `data`, then `end` once. */
export interface Subscriber {
  start(pid: number): void;
  /** A promise when the reader is behind: the process waits for it. It resolves, too, when the reader is gone. */
  data(kind: OutputKind, bytes: Uint8Array): Promise<void> | undefined;
  end(event: EndEvent): void;
}

const signalWords: Record<string, string> = {
  SIGHUP: "hangup",
  SIGINT: "interrupt",
  SIGQUIT: "quit",
  SIGILL: "illegal instruction",
  SIGTRAP: "trace/breakpoint trap",
  SIGABRT: "aborted",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGKILL: "killed",
  SIGUSR1: "user defined signal 1",
  SIGSEGV: "segmentation fault",
  SIGUSR2: "user defined signal 2",
  SIGPIPE: "broken pipe",
  SIGALRM: "alarm clock",
  SIGTERM: "terminated",
};

/** Exit in the words that clients know from Go: `exit status 3`, `signal: killed`. */
export function endEvent(exit: ExitStatus): EndEvent {
  if (exit.signal !== undefined) {
    const status = `signal: ${signalWords[exit.signal] ?? exit.signal.toLowerCase()}`;
    return { exitCode: -1, exited: false, status, error: status };
  }
  const status = `exit status ${exit.exitCode}`;
  return { exitCode: exit.exitCode, exited: true, status, ...(exit.exitCode !== 0 && { error: status }) };
}
