import type { RuntimeDriver } from "../contract.ts";
import { FakeDriver } from "../drivers/fake.ts";

export const makeDriver = (stateDir: string): RuntimeDriver => new FakeDriver(stateDir);
