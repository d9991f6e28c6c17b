/**
 * What our drivers cost on top of the runtimes they use: `create` + `start` of the bare runtime on a directory that is
 * ready, against `driver.start` with a disk, a monitor and limits of the sandbox's own; by turns, in one run.
 * Usage: node bench/runtime/bench.ts [cycles] [driver]. JSON on standard output.
 */
import { gvisorConfig } from "../../packages/runtime/src/drivers/gvisor-config.ts";
import { TestBench } from "../../packages/runtime/src/testing/test-bench.ts";
import { testRootLayer } from "../../packages/runtime/src/testing/test-root.ts";
import { realDriver } from "../../packages/runtime/src/testing/real-drivers.ts";
import { gvisorArgs } from "../../packages/runtime/src/drivers/gvisor.ts";
import type { RuntimeDriver, SandboxSpec } from "@sandbank/runtime/contract";
import { builtRunscPath } from "@sandbank/runtime/install-runsc";
import { timeBareStart, type BareRuntime } from "./bare.ts";
import { describeMachine } from "./machine.ts";
import { plainContainerConfig } from "./plain-container-config.ts";
import { ratio, summarize } from "./statistics.ts";

const cycles = Number(process.argv[2] ?? 20);
const only = process.argv[3];

const runscPath = builtRunscPath("/var/cache/sandbank");
const layer = await testRootLayer();
const args = ["/bin/sleep", "60"];

const bareRuntimes: Record<string, (spec: SandboxSpec) => BareRuntime> = {
  gvisor: (spec) => ({
    program: runscPath,
    args: gvisorArgs,
    config: gvisorConfig(spec, layer, `/sandbank-bench/${spec.id}`),
  }),
  container: (spec) => ({ program: "/usr/sbin/runc", args: [], config: plainContainerConfig(spec, layer) }),
};

async function measure(bench: TestBench, driver: RuntimeDriver): Promise<Record<string, unknown>> {
  const bareMs: number[] = [];
  const startMs: number[] = [];
  const destroyMs: number[] = [];
  const makeBare = bareRuntimes[driver.name];
  // The first cycle fills caches and does not count.
  for (let cycle = 0; cycle <= cycles; cycle++) {
    if (makeBare) {
      const spec = bench.spec(args);
      const tookMs = await timeBareStart(makeBare(spec), `${bench.directory}/bare`, spec.id);
      if (cycle > 0) bareMs.push(tookMs);
    }
    const spec = bench.spec(args);
    const begun = performance.now();
    const sandbox = await bench.start(spec);
    const started = performance.now();
    await bench.destroy(sandbox);
    if (cycle === 0) continue;
    startMs.push(started - begun);
    destroyMs.push(performance.now() - started);
  }
  const [bare, start, destroy] = [bareMs, startMs, destroyMs].map(summarize);
  if (!bare || !start) throw new Error("nothing was measured");
  return {
    bareCreateAndStart: bare,
    driverStart: start,
    driverDestroy: destroy,
    startRatio: ratio(start, bare),
  };
}

const results: Record<string, unknown> = {};
for (const name of ["gvisor", "container"].filter((each) => only === undefined || each === only)) {
  const bench = new TestBench(layer);
  try {
    const driver = realDriver(name, bench.stateDir);
    await bench.open(driver);
    results[name] = await measure(bench, driver);
  } finally {
    await bench.close();
  }
}
const machine = await describeMachine([runscPath, "/usr/sbin/runc", "/usr/bin/conmon"]);
process.stdout.write(`${JSON.stringify({ bench: "runtime", cycles, machine, results }, undefined, 2)}\n`);
