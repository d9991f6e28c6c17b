import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket } from "ws";
import { alternate, summarize, type Summary } from "../lib/statistics.ts";

const socketPort = 49_980;
/** Opened at a time: as many as wait in a listener's queue without being refused. */
const batch = 100;
const settleMs = 1_000;

export interface SocketFigures {
  rows: Record<string, Summary>;
  /** RSS of the edge with no socket and with all of them open and idle. */
  beforeMib: number;
  openMib: number;
  msAdded: number;
}

async function rssMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

async function open(url: string, headers: Record<string, string>): Promise<WebSocket> {
  const socket = new WebSocket(url, { headers, perMessageDeflate: false });
  await once(socket, "open");
  return socket;
}

async function echo(socket: WebSocket): Promise<void> {
  const answered = once(socket, "message");
  socket.send("x".repeat(100));
  await answered;
}

/** Keeps `count` idle WebSockets through the edge and times echoes on one more, straight and through the edge. */
export async function measureSockets(
  edge: { port: number; pid: number },
  sandboxId: string,
  count: number,
): Promise<SocketFigures> {
  const url = `ws://127.0.0.1:${edge.port}/`;
  const headers = { "E2b-Sandbox-Id": sandboxId, "E2b-Sandbox-Port": String(socketPort) };
  const beforeMib = await rssMib(edge.pid);
  const idle: WebSocket[] = [];
  try {
    while (idle.length < count) {
      const size = Math.min(batch, count - idle.length);
      idle.push(...(await Promise.all(Array.from({ length: size }, () => open(url, headers)))));
    }
    await pause(settleMs);
    const openMib = await rssMib(edge.pid);
    const direct = await open(`ws://127.0.0.2:${socketPort}/`, {});
    const proxied = await open(url, headers);
    idle.push(direct, proxied);
    const times = await alternate(
      { direct: () => echo(direct), proxied: () => echo(proxied) },
      { rounds: 2_000, warmup: 200 },
    );
    const rows = {
      "WebSocket echo, direct": summarize(times.direct),
      [`WebSocket echo, edge, ${count} idle`]: summarize(times.proxied),
    };
    const msAdded = summarize(times.proxied).median - summarize(times.direct).median;
    return { rows, beforeMib, openMib, msAdded };
  } finally {
    for (const socket of idle) socket.terminate();
  }
}
