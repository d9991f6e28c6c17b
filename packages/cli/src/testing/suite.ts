import type { Counts } from "./counts.ts";

export interface SuiteContext {
  /** For reports; removed after the run. */
  reportDir: string;
  /** What every child process gets: search path, proxies, certificates. */
  env: Record<string, string>;
  cacheDir: string;
}

export interface Suite {
  name: string;
  run(context: SuiteContext): Promise<Counts>;
}
