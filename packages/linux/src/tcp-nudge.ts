import { closeSync, readFileSync } from "node:fs";
import { checked, hasCode, libc } from "./libc.ts";
import { inNetworkNamespace } from "./namespace-entry.ts";

const [inet, rawSocket, rawProtocol] = [2, 3, 255];
const tcpProtocol = 6;
const ackFlag = 0x10;
const ipHeaderBytes = 20;
const tcpHeaderBytes = 20;
/** More than a sandbox has open in earnest; each takes some microseconds. */
const maxConnections = 2_000;

interface TcpConnection {
  from: string;
  fromPort: number;
  to: string;
  toPort: number;
}

const entryPattern = /^ipv4\s.*\stcp\s.*\sESTABLISHED src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+) /;

/** Established connections that an address has opened, as connection tracking of this thread's namespace knows them. */
function trackedConnections(opener: string): TcpConnection[] {
  let table: string;
  try {
    table = readFileSync("/proc/thread-self/net/nf_conntrack", "utf8");
  } catch (error) {
    // Some kernels don't show it.
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
  return table.split("\n").flatMap((line) => {
    const [, from = "", to = "", fromPort, toPort] = entryPattern.exec(line) ?? [];
    return from === opener ? [{ from, to, fromPort: Number(fromPort), toPort: Number(toPort) }] : [];
  });
}

const addressBytes = (address: string): number[] => address.split(".").map(Number);

function onesComplementSum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** An empty segment from the far end, with numbers that are out of the connection's window. */
function staleSegment({ from, fromPort, to, toPort }: TcpConnection): Buffer {
  const packet = Buffer.alloc(ipHeaderBytes + tcpHeaderBytes);
  // The kernel fills in length, id and checksum of the IP header.
  packet.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, tcpProtocol, 0, 0, ...addressBytes(to), ...addressBytes(from)]);
  const tcp = packet.subarray(ipHeaderBytes);
  tcp.writeUInt16BE(toPort, 0);
  tcp.writeUInt16BE(fromPort, 2);
  tcp.writeUInt8((tcpHeaderBytes / 4) << 4, 12);
  tcp.writeUInt8(ackFlag, 13);
  const pseudo = Buffer.from([...addressBytes(to), ...addressBytes(from), 0, tcpProtocol, 0, tcpHeaderBytes]);
  tcp.writeUInt16BE(~onesComplementSum(Buffer.concat([pseudo, tcp])) & 0xffff, 16);
  return packet;
}

function socketAddress(address: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(inet, 0);
  bytes.set(addressBytes(address), 4);
  return bytes;
}

/**
 * Makes `opener`, behind the namespace at `netnsPath`, say something on each TCP connection that it has opened through it:
 * the end that gets a stale segment answers with an acknowledgement, which changes nothing, but meets the rules of now.
 * Gives their number; 0 also where the kernel does not list connections.
 */
export function nudgeConnections(netnsPath: string, opener: string): number {
  return inNetworkNamespace(netnsPath, () => {
    const connections = trackedConnections(opener).slice(0, maxConnections);
    if (connections.length === 0) return 0;
    const fd = checked("socket", "raw", libc.socket(inet, rawSocket, rawProtocol));
    try {
      const target = socketAddress(opener);
      for (const connection of connections) {
        const packet = staleSegment(connection);
        checked(
          "sendto",
          connection.to,
          libc.sendto(fd, packet, BigInt(packet.length), 0, target, target.length),
        );
      }
    } finally {
      closeSync(fd);
    }
    return connections.length;
  });
}
