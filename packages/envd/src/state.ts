import { AppError } from "@sandbank/core/errors";
import type { User, UserDatabase } from "./system/users.ts";

const internalNames = new Set(["E2B_SANDBOX", "E2B_SANDBOX_ID", "E2B_TEMPLATE_ID", "E2B_EVENTS_ADDRESS"]);

/** What the orchestrator tells the daemon about its sandbox, by `/init`. */
export class SandboxState {
  accessToken: string | undefined;
  defaultUser: string | undefined;
  defaultWorkdir: string | undefined;
  /** Milliseconds since 1970 of the newest `/init`. */
  lastInitMs = Number.NEGATIVE_INFINITY;
  #internal: Record<string, string> = { E2B_SANDBOX: "true" };
  #envVars: Record<string, string> = {};
  /** Variables that make programs trust the node's authority; the user's own ones go before them. */
  trustEnv: Record<string, string> = {};
  readonly users: UserDatabase;

  constructor(users: UserDatabase, defaultUser: string | undefined) {
    this.users = users;
    this.defaultUser = defaultUser;
  }

  /** Variables of every process of the sandbox. */
  get envVars(): Record<string, string> {
    return { ...this.trustEnv, ...this.#envVars, ...this.#internal };
  }

  /** Replaces the user's variables. Names of our own count only the first time they come. */
  setEnvVars(envVars: Record<string, string>): void {
    this.#envVars = {};
    for (const [name, value] of Object.entries(envVars)) {
      if (!internalNames.has(name)) this.#envVars[name] = value;
      else if (!Object.hasOwn(this.#internal, name)) this.#internal[name] = value;
    }
  }

  tokenMatches(given: string | undefined): boolean {
    return this.accessToken === undefined || (given !== undefined && sameSecret(given, this.accessToken));
  }

  /** The named user, else the default one. Unknown: `unauthenticated`; none named and no default: `invalid_argument`. */
  userFor(name: string | undefined): User {
    const wanted = name || this.defaultUser;
    if (!wanted)
      throw new AppError({ code: "invalid_argument", message: "no user given and no default user set" });
    const user = this.users.find(wanted);
    if (user) return user;
    throw new AppError({ code: "unauthenticated", message: `invalid user: '${wanted}' does not exist` });
  }
}

/** Compares in a time that depends on the lengths only. By hand, because node:crypto costs a millisecond at start. */
export function sameSecret(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  let difference = left.length ^ right.length;
  for (const [index, byte] of left.entries()) difference |= byte ^ (right[index] ?? 0);
  return difference === 0;
}
