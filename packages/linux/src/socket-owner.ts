import { readFileSync } from "node:fs";
import { isIPv4, type Socket } from "node:net";

const tables = ["/proc/net/tcp", "/proc/net/tcp6"];

/**
 * The user whose process holds the other end of a TCP connection over loopback, as this user namespace sees it;
 * undefined when the other end is not on this machine, or is gone.
 */
export function peerUserOf(socket: Socket): number | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  if (localAddress === undefined || localPort === undefined) return undefined;
  const theirs = endpointHex(remoteAddress, remotePort);
  const ours = endpointHex(localAddress, localPort);
  for (const table of tables) {
    for (const line of readTable(table).split("\n")) {
      // sl, local, remote, state, queues, timer, retransmits, uid, …
      const fields = line.trim().split(/\s+/);
      const [, local = "", remote = ""] = fields;
      if (theirs.includes(local) && ours.includes(remote)) return Number(fields[7]);
    }
  }
  return undefined;
}

function readTable(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    // A kernel without IPv6 has no table of it.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

/** How the kernel writes an end of a connection: words of four bytes in the machine's order. IPv4 has two forms. */
function endpointHex(address: string, port: number): string[] {
  const portHex = port.toString(16).toUpperCase().padStart(4, "0");
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "");
  if (!isIPv4(plain)) return plain === "::1" ? [`00000000000000000000000001000000:${portHex}`] : [];
  const bytes = plain.split(".").map((byte) => Number(byte).toString(16).toUpperCase().padStart(2, "0"));
  const word = bytes.toReversed().join("");
  return [`${word}:${portHex}`, `0000000000000000FFFF0000${word}:${portHex}`];
}
