import { afterAll, beforeAll, describe } from "vitest";
import type { RuntimeDriver } from "./contract.ts";
import { adoptionSuite } from "./contract-suite/adoption-suite.ts";
import { isolationSuite } from "./contract-suite/isolation-suite.ts";
import { leftoversSuite } from "./contract-suite/leftovers-suite.ts";
import { lifecycleSuite } from "./contract-suite/lifecycle-suite.ts";
import { limitsSuite } from "./contract-suite/limits-suite.ts";
import { monitorSuite } from "./contract-suite/monitor-suite.ts";
import { rootfsSuite } from "./contract-suite/rootfs-suite.ts";
import { sharingSuite } from "./contract-suite/sharing-suite.ts";
import { TestBench } from "./testing/test-bench.ts";
import { testRootLayer } from "./testing/test-root.ts";

export interface SuiteSubject {
  name: string;
  /** Path of a module that exports `makeDriver(stateDir)`: the suite also loads it in another process. */
  modulePath: string;
  makeDriver: (stateDir: string) => RuntimeDriver;
  /** false for a stand-in that runs plain processes on the host: what it can't hold is skipped, visibly. */
  confines: boolean;
}

export interface SuiteContext {
  subject: SuiteSubject;
  bench: () => TestBench;
}

/** The tests that every driver passes. */
export function driverContractSuite(subject: SuiteSubject): void {
  describe(`driver ${subject.name}`, () => {
    let bench: TestBench | undefined;
    beforeAll(async () => {
      bench = new TestBench(await testRootLayer());
      await bench.open(subject.makeDriver(bench.stateDir));
    });
    afterAll(() => bench?.close());
    const context: SuiteContext = {
      subject,
      bench: () => {
        if (!bench) throw new Error("the bench is not open");
        return bench;
      },
    };
    lifecycleSuite(context);
    adoptionSuite(context);
    leftoversSuite(context);
    describe.skipIf(!subject.confines)("confinement", () => {
      monitorSuite(context);
      rootfsSuite(context);
      sharingSuite(context);
      limitsSuite(context);
      isolationSuite(context);
    });
  });
}
