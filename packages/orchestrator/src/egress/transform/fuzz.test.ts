import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { type Harness, realName, startHarness } from "./testing/harness.ts";

// What both ends say at random must never reach the process as an exception: it carries everybody's connections.
const rounds = 150;

/** The same numbers in each run. */
function randoms(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

/** Replaces, removes and doubles a few bytes. */
function mutated(text: string, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(text, "latin1");
  for (let left = 1 + random(4); left > 0; left--) {
    const at = random(bytes.length);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + 1)];
    const kinds = [Buffer.from([random(256)]), Buffer.alloc(0), bytes.subarray(at, at + random(9))];
    bytes = Buffer.concat([before, kinds[random(kinds.length)] ?? Buffer.alloc(0), after]);
  }
  return bytes;
}

/** Sends bytes, ends, and reads to the end of the connection, for at most a second. */
async function exchange(harness: Harness, bytes: Buffer): Promise<void> {
  const socket: TLSSocket = connect({
    host: "127.0.0.1",
    port: harness.port,
    servername: realName,
    ca: harness.ca,
  });
  socket.on("error", () => undefined);
  socket.setTimeout(1_000, () => socket.destroy());
  socket.resume().end(bytes);
  await once(socket, "close");
}

const requests = [
  `GET /a HTTP/1.1\r\nHost: ${realName}\r\nX-Some: thing\r\n\r\n`,
  `POST /b HTTP/1.1\r\nHost: ${realName}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nabcd`,
  `PUT /c HTTP/1.1\r\nHost: ${realName}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  `GET /d HTTP/1.1\r\nHost: ${realName}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly`,
];
const answers = [
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Some: thing\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes",
  "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
];

/** What a sound request gets at the end. */
async function lastAnswer(seed: number, mutate: "requests" | "answers"): Promise<string> {
  const random = randoms(seed);
  const answer = (): string | Buffer => {
    const text = answers[random(answers.length)] ?? "";
    return mutate === "answers" ? mutated(text, random) : text;
  };
  const harness = await startHarness((request, response) => {
    if (request.url === "/last") response.end("fine");
    else request.socket.end(answer());
  });
  onTestFinished(() => harness.close());
  harness.onUpgrade((_request, socket) => socket.end(answer()));
  for (let round = 0; round < rounds; round += 10) {
    const batch = Array.from({ length: 10 }, () => {
      const text = requests[random(requests.length)] ?? "";
      return mutate === "requests" ? mutated(text, random) : Buffer.from(text, "latin1");
    });
    await Promise.all(batch.map((bytes) => exchange(harness, bytes)));
  }
  return (await harness.ask({ path: "/last" })).body;
}

test.each(["requests", "answers"] as const)("damaged %s end nothing but their connection", async (what) => {
  expect(await lastAnswer(1, what)).toBe("fine");
});
