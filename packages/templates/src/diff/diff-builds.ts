import { type BuildFacts, type FactSection, factSections } from "./build-facts.ts";

/** What is the case in one build and not in the other; null is absent. */
export interface Difference {
  name: string;
  a: string | null;
  b: string | null;
}

export interface SectionDiff {
  section: FactSection;
  /** Facts that both share. */
  same: number;
  differences: Difference[];
}

/** Every section, in the order in which a boot needs it, also those without a difference. */
export function diffBuilds(a: BuildFacts, b: BuildFacts): SectionDiff[] {
  return factSections.map((section) => {
    const names = [...new Set([...a[section].keys(), ...b[section].keys()])].toSorted();
    const all = names.map((name) => ({
      name,
      a: a[section].get(name) ?? null,
      b: b[section].get(name) ?? null,
    }));
    const differences = all.filter((fact) => fact.a !== fact.b);
    return { section, same: all.length - differences.length, differences };
  });
}
