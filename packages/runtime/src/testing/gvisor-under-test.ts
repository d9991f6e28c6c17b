import type { RuntimeDriver } from "../contract.ts";
import { realDriver } from "./real-drivers.ts";

export const makeDriver = (stateDir: string): RuntimeDriver => realDriver("gvisor", stateDir);
