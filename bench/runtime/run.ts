/**
 * What our drivers cost on top of the runtimes they use, in the same run:
 *   node bench/runtime/run.ts [--isolation container,gvisor] [--rounds 30]
 * Sandboxes have a disk, a monitor, limits and (`container`) a user namespace and a system call filter of their own; the
 * bare runtime has none of that. Root only. Needs what `./sandbank up` has prepared once.
 */
import { TestBench } from "@sandbank/runtime/testing/test-bench";
import { testRootLayer } from "@sandbank/runtime/testing/test-root";
import { realDriver } from "@sandbank/runtime/testing/real-drivers";
import { benchArguments } from "../lib/arguments.ts";
import { BareRuntime, type Isolation } from "../lib/bare-runtime.ts";
import { machineStamp, printReport, saveReport } from "../lib/report.ts";
import { alternate, summarize } from "../lib/statistics.ts";

async function measure(isolation: Isolation, rounds: number): Promise<void> {
  await using bare = await BareRuntime.prepare(isolation);
  const bench = new TestBench(await testRootLayer());
  const destroyMs: number[] = [];
  const bareEnds: (() => Promise<void>)[] = [];
  try {
    const driver = realDriver(isolation, bench.stateDir);
    await bench.open(driver);
    const samples = await alternate(
      {
        bare: async () => {
          bareEnds.push(await bare.start());
        },
        driver: async () => {
          await bench.start(bench.spec(["/bin/sleep", "300"]));
        },
      },
      {
        rounds,
        warmup: 2,
        after: async () => {
          for (const end of bareEnds.splice(0)) await end();
          const begun = performance.now();
          if ((await bench.destroyAll()) > 0) destroyMs.push(performance.now() - begun);
        },
      },
    );
    const [bareRow, startRow] = [summarize(samples.bare), summarize(samples.driver)];
    const report = {
      bench: `runtime-${isolation}`,
      machine: await machineStamp(),
      rows: {
        "bare runtime, create + start": bareRow,
        "driver.start": startRow,
        "driver.destroy": summarize(destroyMs),
      },
      ratios: { "driver.start / bare runtime, medians": startRow.median / bareRow.median },
      notes: [],
    };
    printReport(report);
    process.stdout.write(`${await saveReport(report)}\n\n`);
  } finally {
    await bench.close();
  }
}

const { isolations, rounds } = benchArguments(30);
for (const isolation of isolations) await measure(isolation, rounds);
