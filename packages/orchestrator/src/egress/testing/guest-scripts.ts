// Programs that the tests run in a guest's namespace with Node's `-e`, or Python's `-c`.

/** Prints what comes back over UDP from ADDRESS PORT, or the error. */
export const udpEcho = `
const [address, port] = process.argv.slice(1);
const socket = require("node:dgram").createSocket("udp4");
socket.connect(Number(port), address, () => socket.send("hello"));
const end = (text) => { console.log(text); process.exit(); };
socket.on("message", (m) => end(String(m)));
socket.on("error", (e) => end(e.code));
setTimeout(() => end("nothing"), 8000);`;

/** Type of the answer to an echo request, and code where it is not an echo reply. */
export const pingScript = `
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP); s.settimeout(2)
body = struct.pack("!BBHHH", 8, 0, 0, 7, 1); c = 0xffff - sum(struct.unpack("!4H", body)) % 0xffff
s.sendto(struct.pack("!BBHHH", 8, 0, c, 7, 1), (sys.argv[1], 0))
p = s.recv(200)[20:]; print(p[0] if p[0] == 0 else f"{p[0]} {p[1]}")`;

/** Sends each request when something has come back for the one before. */
export const talkScript = `
const [address, ...requests] = process.argv.slice(1);
const socket = require("node:net").connect(80, address, () => socket.write(requests.shift()));
socket.on("data", (d) => { console.log(String(d)); if (requests.length) socket.write(requests.shift()); else setTimeout(() => socket.end(), 300); });
socket.on("error", (e) => { console.log(e.code); process.exit(); });
socket.on("close", () => process.exit());`;

/** 400 connections to two addresses that say all kinds of things and end in all kinds of ways; prints `done`. */
export const abuseScript = `
const net = require("node:net");
const [one, nine, proxyOnly] = process.argv.slice(1);
const hello = Buffer.from("16030100f0010000ec0303", "hex");
const begins = [
  () => "GET / HTTP/1.1\\r\\nHost: allowed.example\\r\\n\\r\\n".repeat(1 + Math.floor(Math.random() * 30)),
  () => "POST / HTTP/1.1\\r\\nHost: allowed.example\\r\\nContent-Length: 100000\\r\\n\\r\\nxx",
  () => "POST / HTTP/1.1\\r\\nHost: allowed.example\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nzz",
  () => "GET / HTTP/1.1\\r\\nHost: allowed.example\\r\\nConnection: Upgrade\\r\\nUpgrade: echo\\r\\n\\r\\nmore",
  () => "CONNECT denied.example:80 HTTP/1.1\\r\\nHost: allowed.example\\r\\n\\r\\n",
  () => "GET ", () => hello, () => Buffer.from([22]), () => "SSH-2.0-x\\r\\n", () => "", () => Buffer.alloc(70000, 22),
];
let open = 0;
for (let n = 0; n < 400; n++) setTimeout(() => {
  open++;
  const socket = net.connect([80, 443, 7000, 7001, 9][n % 5], [one, nine][n % 2]);
  socket.on("connect", () => { socket.write(begins[n % begins.length]()); if (n % 3 === 0) socket.end(); });
  socket.on("data", () => { if (n % 7 === 0) socket.resetAndDestroy(); });
  socket.on("error", () => undefined);
  socket.on("close", () => { if (--open === 0) console.log("done"); });
  setTimeout(() => n % 2 ? socket.resetAndDestroy() : socket.destroy(), Math.random() * 1500);
}, n * 4);`;

/** Prints the first address of NAME by RESOLVER. */
export const dnsScript = `
const resolver = new (require("node:dns").promises.Resolver)({ timeout: 5000, tries: 1 });
resolver.setServers([process.argv[2]]);
resolver.resolve4(process.argv[1]).then((a) => console.log(a[0]), () => console.log("refused"));`;

/** Connects to ADDRESS, is silent for longer than is waited for, then speaks KIND (tls, http) for NAME; prints the answer. */
export const lateScript = `
const [address, kind, name] = process.argv.slice(1);
const end = (text) => { console.log(text); process.exit(); };
const socket = require("node:net").connect(kind === "tls" ? 8443 : 8080, address);
socket.on("error", (e) => end(e.code));
const body = (text) => end(String(text).split("\\r\\n\\r\\n")[1]);
setTimeout(() => {
  const request = "GET / HTTP/1.1\\r\\nHost: " + name + "\\r\\n\\r\\n";
  if (kind === "http") { socket.write(request); socket.on("data", body); return; }
  const tls = require("node:tls").connect({ socket, servername: name, rejectUnauthorized: false }, () => tls.write(request));
  tls.on("data", body).on("error", (e) => end(e.code));
}, 1500);`;
