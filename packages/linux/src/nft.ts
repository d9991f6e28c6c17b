import { run, runUnchecked } from "./command.ts";
import { runInNetns } from "./netns.ts";

/** Applies an nft script in one transaction, in the host's namespace or in a named one. */
export async function nftApply(script: string, netns?: string): Promise<void> {
  if (netns) await runInNetns(netns, "nft", ["-f", "-"], { stdin: script });
  else await run("nft", ["-f", "-"], { stdin: script });
}

/** Deletes a table of the host's namespace; fine when it is not there. */
export async function nftDeleteTable(family: string, name: string): Promise<void> {
  await nftApply(`table ${family} ${name}\ndelete table ${family} ${name}\n`);
}

/** What nft says about a table, as its JSON's list of objects; numbers stay numbers. Rejects when it is not there. */
export async function nftListTable(family: string, name: string, netns: string): Promise<object[]> {
  const text = await runInNetns(netns, "nft", ["-jn", "list", "table", family, name]);
  return (JSON.parse(text) as { nftables: object[] }).nftables;
}

export async function nftTableExists(family: string, name: string): Promise<boolean> {
  return (await runUnchecked("nft", ["list", "table", family, name])).exitCode === 0;
}

/** Rules of one chain, without their counters, as nft writes them. */
export interface ChainRules {
  /** `family table chain` */
  chain: string;
  /** The chain's type, hook and policy; undefined for one that others jump to. */
  hook: string | undefined;
  rules: string[];
}

/** Every chain of the host's namespace, or of that in a file. */
export async function nftChains(netnsFile?: string): Promise<ChainRules[]> {
  const nft = ["nft", "--stateless", "list", "ruleset"];
  const [file = "", ...args] = netnsFile === undefined ? nft : ["nsenter", `--net=${netnsFile}`, ...nft];
  return parseRuleset(await run(file, args));
}

/** Reads nft's listing; what it breaks over several lines (long sets) is joined. */
export function parseRuleset(text: string): ChainRules[] {
  const chains: ChainRules[] = [];
  let table = "";
  let chain: ChainRules | undefined;
  let open = "";
  for (const raw of text.split("\n")) {
    const line = `${open}${raw.trim()}`;
    const isHead = /^(table|chain|set|map) /.test(line);
    const depth = line.split("{").length - line.split("}").length;
    open = chain && !isHead && depth > 0 ? `${line} ` : "";
    if (open !== "") continue;
    const [kind, ...name] = line.split(" ");
    if (kind === "table") table = name.slice(0, 2).join(" ");
    else if (kind === "chain")
      chains.push((chain = { chain: `${table} ${name[0]}`, hook: undefined, rules: [] }));
    else if (line === "}") chain = undefined;
    else if (chain && kind === "type") chain.hook = line;
    else if (chain && line !== "") chain.rules.push(line);
  }
  return chains;
}
