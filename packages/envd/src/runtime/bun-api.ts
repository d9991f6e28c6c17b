// Only what the daemon uses of Bun. The full types would redefine web globals for every other package.

export interface FileSink {
  write(bytes: Uint8Array): number | Promise<number>;
  flush(): number | Promise<number>;
  end(): number | Promise<number>;
}
export interface Terminal {
  readonly closed: boolean;
  write(bytes: Uint8Array): number;
  resize(cols: number, rows: number): void;
  close(): void;
}
export interface TerminalOptions {
  cols: number;
  rows: number;
  data: (terminal: Terminal, bytes: Uint8Array) => void;
  drain?: (terminal: Terminal) => void;
}
export interface Subprocess {
  readonly pid: number;
  readonly exited: Promise<number>;
  readonly exitCode: number | null;
  readonly signalCode: string | null;
  readonly terminal?: Terminal;
  kill(signal: string): void;
}
export interface SpawnOptions {
  cwd: string;
  env: Record<string, string>;
  argv0?: string;
  /** In a session of its own. */
  detached?: boolean;
  stdio?: ("ignore" | number)[];
  terminal?: TerminalOptions;
}
export interface BunFile {
  stream(): ReadableStream<Uint8Array>;
  writer(): FileSink;
}
export interface BunApi {
  spawn(argv: string[], options: SpawnOptions): Subprocess;
  file(fd: number): BunFile;
  /** True: now, not some time. */
  gc(synchronously: boolean): void;
}

/** The global object of Bun; only to be touched when running on it. */
export function bunApi(): BunApi {
  const api = (globalThis as { Bun?: BunApi }).Bun;
  if (!api) throw new Error("not running on Bun");
  return api;
}
