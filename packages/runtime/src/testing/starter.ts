/**
 * A program for the contract suite: starts one sandbox, says so before and after, and waits to be killed.
 * Arguments: module with a `makeDriver(stateDir)`, state directory, the spec as JSON.
 */
import { pathToFileURL } from "node:url";
import type { RuntimeDriver, SandboxSpec } from "../contract.ts";

interface DriverModule {
  makeDriver: (stateDir: string) => RuntimeDriver;
}

const [modulePath = "", stateDir = "", specText = ""] = process.argv.slice(2);
const { makeDriver } = (await import(pathToFileURL(modulePath).href)) as DriverModule;
const driver = makeDriver(stateDir);
process.stdout.write("starting\n");
await driver.start(JSON.parse(specText) as SandboxSpec);
process.stdout.write("started\n");
// Keeps the process alive until it is killed.
setInterval(() => undefined, 60_000);
