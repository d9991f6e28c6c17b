/**
 * The server's side of this bench: the API with its real database and a node that only pretends, and beside it a bare
 * HTTP server of Node that answers with a text of the same length as the API's for one sandbox.
 */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { TestApi } from "@sandbank/api/testing";

const sandboxCount = Number(process.argv[2]);
/** Nothing is to be refused here. */
const limits = { maxSandboxes: 1_000_000, maxRequestsPerSec: 1_000_000, maxKeyRequestsPerSec: 1_000_000 };

const t = await TestApi.start({ limits });
const ids: string[] = [];
for (let number = 0; number < sandboxCount; number++) {
  const metadata = { number: String(number), owner: `user-${number % 50}` };
  ids.push(await t.create({ timeout: 3_600, metadata, envVars: { A: "1", B: "2" } }));
}
const body = JSON.stringify((await t.call("GET", `/sandboxes/${ids[0]}`)).body);

const bare = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
});
bare.listen(0, "127.0.0.1");
await once(bare, "listening");
process.send?.({
  url: t.url,
  bareUrl: `http://127.0.0.1:${(bare.address() as AddressInfo).port}`,
  key: t.key,
  ids,
});

/** Asked for at any time: what this process has used so far. */
process.on("message", () => process.send?.(process.cpuUsage()));
process.on("disconnect", () => {
  bare.close();
  void t.close().then(() => process.exit());
});
