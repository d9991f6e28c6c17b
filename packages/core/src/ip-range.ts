import { BlockList, isIP, isIPv4 } from "node:net";

export interface IpRange {
  family: 4 | 6;
  /** CIDR text; of IPv4 with its host bits cleared. */
  text: string;
}

const clearHostBits = (address: string, prefixLength: number): string => {
  const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - prefixLength);
  const first = Math.floor(number / size) * size;
  return [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join(".");
};

/** An address or a CIDR range; undefined when `text` is neither. */
export function parseIpRange(text: string): IpRange | undefined {
  const match = /^([0-9a-fA-F:.]+)(?:\/([0-9]{1,3}))?$/.exec(text);
  const address = match?.[1] ?? "";
  const version = isIP(address);
  if (version === 0) return undefined;
  const longest = version === 4 ? 32 : 128;
  const prefixLength = match?.[2] === undefined ? longest : Number(match[2]);
  if (prefixLength > longest) return undefined;
  if (version === 6) return { family: 6, text: `${address.toLowerCase()}/${prefixLength}` };
  return { family: 4, text: `${clearHostBits(address, prefixLength)}/${prefixLength}` };
}

/** Whether an IPv4 address lies in one of these ranges; false for anything that is no IPv4 address. */
export function ipv4Matcher(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", prefixLength = "32"] = range.split("/");
    list.addSubnet(address, Number(prefixLength), "ipv4");
  }
  return (address) => isIPv4(address) && list.check(address, "ipv4");
}
