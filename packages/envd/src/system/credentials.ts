import type { Libc } from "../runtime/runtime.ts";
import { syscallNumber } from "./syscalls.ts";
import type { User } from "./users.ts";

/** Minus one: leave as it is. */
const keep = -1;

/**
 * Runs `work`, which must be synchronous, with this thread's credentials changed to the user's, so that a
 * process spawned by it has exactly the user's uid, gid and groups and no capabilities.
 * The saved ids stay 0, which is the way back; a child loses them at exec.
 */
export class CredentialSwitch {
  readonly #libc: Libc;
  readonly #privileged: boolean;
  #groups: string;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#privileged = process.geteuid?.() === 0;
    this.#groups = (process.getgroups?.() ?? []).join();
  }

  run<T>(user: User, groups: readonly number[], work: () => T): T {
    // Unprivileged (a developer's tests): whoever we are is the only user there is.
    if (!this.#privileged) return work();
    this.#setGroups(groups);
    if (user.uid === 0 && user.gid === 0) return work();
    try {
      this.#must("setresgid", user.gid, user.gid, 0);
      this.#must("setresuid", user.uid, user.uid, 0);
      return work();
    } finally {
      this.#back("setresuid");
      this.#back("setresgid");
    }
  }

  /** Kept between calls: most sandboxes run everything as one user, and nothing of ours depends on root's groups. */
  #setGroups(groups: readonly number[]): void {
    const key = groups.join();
    if (key === this.#groups) return;
    const result = this.#libc.syscall(syscallNumber("setgroups"), groups.length, Uint32Array.from(groups));
    if (result < 0) throw new Error(`setgroups: errno ${-result}`);
    this.#groups = key;
  }

  #must(name: "setresuid" | "setresgid", real: number, effective: number, saved: number): void {
    const result = this.#libc.syscall(syscallNumber(name), real, effective, saved);
    if (result < 0) throw new Error(`${name}: errno ${-result}`);
  }

  #back(name: "setresuid" | "setresgid"): void {
    const result = this.#libc.syscall(syscallNumber(name), 0, 0, keep);
    // Going on as somebody else would be worse than ending: init brings the sandbox down and that is seen.
    if (result < 0) process.abort();
  }
}
