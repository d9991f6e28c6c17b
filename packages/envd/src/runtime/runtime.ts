/** What the daemon needs from a JavaScript runtime beyond node: modules. Nothing outside this folder knows which one runs. */
export interface Runtime {
  readonly name: "bun" | "node";
  spawn(request: SpawnRequest): SpawnedProcess;
  openPty(request: PtyRequest): PtyProcess;
  /** Takes the descriptor over: it is closed by `finish` or `close`. */
  readFd(fd: number): ByteSource;
  readonly libc: Libc;
  /** Gives memory back at once, after work that left much behind; some milliseconds. */
  collectGarbage(): void;
}

export type SyscallArgument = number | Uint8Array | Int32Array | Uint32Array | BigInt64Array;

export interface Libc {
  /** A raw system call of the calling thread. Arrays are passed as pointers. Gives the result, or minus errno. */
  syscall(number: number, ...args: SyscallArgument[]): number;
}

export interface SpawnRequest {
  file: string;
  args: readonly string[];
  /** The whole environment. */
  env: Record<string, string>;
  cwd: string;
  /** False: standard input is /dev/null. */
  stdin: boolean;
  /** Pipe owner, so that the process can open /dev/stdout again. */
  uid: number;
  gid: number;
}

export interface PtyRequest {
  file: string;
  args: readonly string[];
  env: Record<string, string>;
  cwd: string;
  cols: number;
  rows: number;
  /** Called with each piece of output; the array is the callee's. */
  onData: (bytes: Uint8Array) => void;
}

export interface ExitStatus {
  /** -1 when a signal ended it. */
  exitCode: number;
  /** Such as SIGKILL. */
  signal?: string | undefined;
}

export interface ChildProcess {
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  /** False when it is gone already. */
  kill(signal: "SIGTERM" | "SIGKILL"): boolean;
}

export interface SpawnedProcess extends ChildProcess {
  readonly stdin: ByteSink | undefined;
  readonly stdout: ByteSource;
  readonly stderr: ByteSource;
}

export interface PtyProcess extends ChildProcess {
  write(bytes: Uint8Array): Promise<void>;
  resize(cols: number, rows: number): void;
  /** Stops and restarts the process's output, for backpressure. */
  pause(): void;
  resume(): void;
  close(): void;
}

export interface ByteSource {
  /** Undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Stops reading, gives what the kernel holds at this moment, closes the descriptor. */
  finish(): Uint8Array[];
  close(): void;
}

export interface ByteSink {
  /** Resolves when the kernel has taken all of it; rejects when nobody can read it any more. */
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}
