import type { RuntimeDriver } from "@sandbank/runtime/contract";
import { type RatedCheck, bad, poor, well } from "./check.ts";

/** Boots a probe sandbox with each driver, or names the success that is remembered of this kernel and program. */
export async function checkRuntimes(drivers: RuntimeDriver[], wanted: string): Promise<RatedCheck[]> {
  const results: { driver: RuntimeDriver; usable: boolean; evidence: string }[] = [];
  for (const driver of drivers) results.push({ driver, ...(await driver.probe()) });
  const isWanted = ({ isolation, name }: RuntimeDriver): boolean =>
    wanted === "auto" || wanted === isolation || wanted === name;
  const usable = results.filter((result) => result.usable && isWanted(result.driver));
  const checks = results.map(({ driver, usable: works, evidence }) => {
    const name = `runtime:${driver.name}`;
    if (works) return well(name, evidence);
    const rate = usable.length > 0 ? poor : bad;
    return rate(name, {
      evidence,
      meaning: `no sandbox of the tier ${driver.isolation} boots on this machine`,
      remedy: "the evidence has the program's own words; sandbank up installs the programs again",
    });
  });
  if (usable.length > 0) return checks;
  const tried = drivers.map(({ name }) => name).join(", ") || "none is installed";
  return [
    ...checks,
    bad("runtimes", {
      evidence: `SANDBANK_ISOLATION=${wanted}; runtimes: ${tried}`,
      meaning: "no sandbox can be made: no runtime that is wanted works here",
      remedy: "sandbank up installs what is missing, or choose another tier with SANDBANK_ISOLATION",
    }),
  ];
}
