import { readFile } from "node:fs/promises";

const candidates = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];
/** Used when the host itself has only a resolver on loopback, which a sandbox can't reach. */
const publicResolvers = ["8.8.8.8", "1.1.1.1"];

interface ResolverConfig {
  nameservers: string[];
  search: string[];
}

export function parseResolvConf(text: string): ResolverConfig {
  const words = text.split("\n").map((line) => line.trim().split(/\s+/));
  return {
    nameservers: words
      .filter(([key, value]) => key === "nameserver" && value !== undefined && isRoutableIpv4(value))
      .map(([, value]) => value ?? ""),
    search: words.filter(([key]) => key === "search").flatMap(([, ...domains]) => domains),
  };
}

const isRoutableIpv4 = (text: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && !text.startsWith("127.") && text !== "0.0.0.0";

/** The name servers that sandboxes ask: the host's own upstream ones, else public ones. */
export async function hostResolvers(files: string[] = candidates): Promise<string[]> {
  for (const file of files) {
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    const { nameservers } = parseResolvConf(text);
    if (nameservers.length > 0) return nameservers.slice(0, 3);
  }
  return publicResolvers;
}
