import { plainOutput } from "../config/env.ts";

export interface StepTime {
  name: string;
  seconds: number;
}

/** Says what `up` is doing while it does it, and keeps how long each step took. */
export class Progress {
  readonly times: StepTime[] = [];
  readonly #plain = plainOutput();

  /** Runs one named step. A step that takes more than a second shows that it is alive, with its newest line. */
  async step<T>(name: string, work: (say: (line: string) => void) => Promise<T>): Promise<T> {
    const start = performance.now();
    let newest = "";
    let shown = "";
    const show = (): void => {
      if (this.#plain) {
        if (newest !== shown) process.stderr.write(`  … ${name}: ${newest}\n`);
        shown = newest;
        return;
      }
      const elapsed = Math.round((performance.now() - start) / 1000);
      process.stderr.write(`\r\u001b[K  … ${name} ${elapsed} s${newest ? `: ${newest}` : ""}`.slice(0, 120));
    };
    const timer = setInterval(show, 1_000);
    try {
      const result = await work((line) => {
        newest = (
          line
            .trim()
            .split(/[\r\n]/)
            .at(-1) ?? ""
        ).slice(0, 100);
      });
      this.#finish(name, start, "✓");
      return result;
    } catch (error) {
      this.#finish(name, start, "✗");
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  /** A line of its own, for what the user must know at once. */
  say(line: string): void {
    process.stderr.write(`${this.#plain ? "" : "\r\u001b[K"}  ${line}\n`);
  }

  #finish(name: string, start: number, mark: string): void {
    const seconds = (performance.now() - start) / 1000;
    this.times.push({ name, seconds });
    const time = seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(0);
    process.stderr.write(`${this.#plain ? "" : "\r\u001b[K"}  ${mark} ${name} (${time} s)\n`);
  }
}
