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
