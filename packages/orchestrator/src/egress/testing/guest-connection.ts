import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const script = `
const [address, port, first] = process.argv.slice(1);
const socket = require("node:net").connect(Number(port), address);
let n = 0;
socket.on("connect", () => { console.log("connected"); if (first === "silent") return; if (first) socket.write(first); setInterval(() => socket.write("x" + n++ + "\\n"), 10); });
socket.on("data", (text) => console.log("echo " + text.toString().trim().split("\\n").at(-1)));
socket.on("error", (error) => { console.log("error " + error.code); process.exit(); });
socket.on("close", () => { console.log("closed"); process.exit(); });
`;

/** A connection out of a namespace to an echo server, never silent unless `first` is "silent". */
export class GuestConnection {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;

  constructor(netnsPath: string, address: string, port: number, first = "") {
    this.#child = spawn("nsenter", [
      `--net=${netnsPath}`,
      process.execPath,
      "-e",
      script,
      address,
      String(port),
      first,
    ]);
    if (this.#child.stdout) {
      createInterface({ input: this.#child.stdout }).on("line", (line) => this.lines.push(line));
    }
  }

  get echoes(): number {
    return this.lines.filter((line) => line.startsWith("echo ")).length;
  }

  /** What it ended with; undefined while it lives. */
  get end(): string | undefined {
    return this.lines.find((line) => !line.startsWith("echo ") && line !== "connected");
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}
