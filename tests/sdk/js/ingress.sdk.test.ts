import { CertificateAuthority, newServerKey } from "@sandbank/certificates/authority";
import { Sandbox } from "e2b";
import { expect, test } from "vitest";
import { ask, cloud, eventually, to } from "./cloud.ts";

/** Answers every request with the headers that it came with, over TLS when told a certificate. */
const mirror = `
import sys, http.server, json, ssl
class Mirror(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Mirror)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
`;

async function certificateAndKey(): Promise<string> {
  const validForMs = 3_600_000;
  const authority = await CertificateAuthority.create("nobody's", validForMs);
  const { publicKey, privateKeyPem } = await newServerKey();
  return privateKeyPem + (await authority.issue({ names: ["inside.test"], publicKey, validForMs }));
}

test("maskRequestHost and httpsPorts", async () => {
  const network = { maskRequestHost: "app.test:${PORT}", httpsPorts: [8443] };
  const sandbox = await Sandbox.create("base", { timeoutMs: 120_000, network });
  try {
    expect((await sandbox.getInfo()).network).toEqual(network);
    await sandbox.files.write("mirror.py", mirror);
    await sandbox.files.write("server.pem", await certificateAndKey());
    const options = { background: true, timeoutMs: 0 } as const;
    await sandbox.commands.run("python3 mirror.py 8000", options);
    await sandbox.commands.run("python3 mirror.py 8443 server.pem", options);
    for (const port of [8000, 8443]) {
      const body = await eventually(async () => {
        const reply = await ask(cloud.proxyUrl, { headers: to(sandbox.sandboxId, port) });
        return reply.status === 200 ? reply.body : "";
      });
      expect(JSON.parse(body)).toMatchObject({
        host: `app.test:${port}`,
        "x-forwarded-host": new URL(cloud.proxyUrl).host,
      });
    }
  } finally {
    await sandbox.kill();
  }
});
