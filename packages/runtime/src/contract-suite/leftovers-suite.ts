import { expect, test } from "vitest";
import { poll } from "@sandbank/core/deadline";
import type { SuiteContext } from "../contract-suite.ts";
import { countHost, type HostCounts } from "../testing/leftovers.ts";

export function leftoversSuite({ bench }: SuiteContext): void {
  test("50 starts and destroys leave the host as it was", { timeout: 120_000 }, async () => {
    // The first one makes what is kept: an empty disk image, an empty namespace, a mapping.
    await bench().shell("exit 0");
    let last = "";
    const before = await settled((counts) => {
      const isSame = JSON.stringify(counts) === last;
      last = JSON.stringify(counts);
      return isSame && counts.zombies === 0;
    });
    for (let cycle = 0; cycle < 50; cycle++) {
      const sandbox = await bench().start(bench().spec(["/bin/sleep", "60"]));
      if (cycle % 2 === 0) process.kill(sandbox.pid, "SIGKILL");
      await bench().destroy(sandbox);
    }
    const wanted = JSON.stringify(before);
    expect(await settled((counts) => JSON.stringify(counts) === wanted)).toEqual(before);
  });

  /** Gives the host 15 s to look as wanted: its process 1 reaps in its own time. */
  async function settled(wanted: (counts: HostCounts) => boolean): Promise<HostCounts> {
    const count = (): HostCounts => countHost(bench().directory, bench().ids, bench().pids);
    const attempt = (): HostCounts | undefined => {
      const counts = count();
      return wanted(counts) ? counts : undefined;
    };
    return (await poll(attempt, { timeoutMs: 15_000, intervalMs: 200 })) ?? count();
  }
}
