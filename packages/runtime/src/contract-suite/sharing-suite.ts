import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeDiskFile, mountDiskFile, unmountDiskFile } from "@sandbank/linux/disk-file";
import type { SandboxSpec } from "../contract.ts";
import type { SuiteContext } from "../contract-suite.ts";

const sizeMib = 64;

/** Two programs that answer each other through the shared directory, each step within seconds. */
const preamble = `
import os, sys, time
def wait(what, test):
    end = time.monotonic() + 20
    while not test():
        if time.monotonic() > end: sys.exit("never seen: " + what)
        time.sleep(0.005)
def text(path): return open(path).read()
def owner(path): return "%d:%d:%o" % (os.stat(path).st_uid, os.stat(path).st_gid, os.stat(path).st_mode & 0o7777)
os.chdir("/mnt/shared")
`;

const first = `${preamble}
log = open("log", "w+")
os.chown("log", 1000, 1001); os.chmod("log", 0o660)
wait("a file that was looked for before it was there", lambda: os.path.exists("answer"))
print(text("answer"), owner("answer"))
log.write("one\\n"); log.flush()
wait("what was appended", lambda: text("log") == "one\\ntwo\\n")
log.seek(0); print(repr(log.read()))
wait("a new name", lambda: os.path.exists("renamed"))
print(os.path.exists("answer"), sorted(os.listdir(".")))
os.mkdir("made"); open("made/inside", "w").write("x"); os.symlink("made/inside", "link")
wait("a removal", lambda: not os.path.exists("renamed"))
open("done", "w")
`;

const second = `${preamble}
wait("the log", lambda: os.path.exists("log") and owner("log") == "1000:1001:660")
with open("draft", "w") as file: file.write("answer from the other")
os.chown("draft", 1000, 1000); os.rename("draft", "answer")
wait("what was written", lambda: text("log") == "one\\n")
with open("log", "a") as file: file.write("two\\n")
os.rename("answer", "renamed")
wait("a link", lambda: os.path.exists("link"))
print(text("link"))
os.remove("renamed")
wait("the end", lambda: os.path.exists("done"))
`;

/** A directory with a size of its own that several sandboxes have at the same time. */
export function sharingSuite({ bench }: SuiteContext): void {
  const paths = (): Record<"image" | "mount" | "data", string> => {
    const image = `${bench().directory}/shared.img`;
    const mount = `${bench().directory}/shared`;
    return { image, mount, data: `${mount}/data` };
  };

  beforeAll(async () => {
    const { image, mount, data } = paths();
    await makeDiskFile(image, sizeMib);
    mountDiskFile(image, mount);
    mkdirSync(data);
    chmodSync(data, 0o777);
  });
  afterAll(() => unmountDiskFile(paths().mount));

  const shared = (): Partial<SandboxSpec> => ({
    mounts: [{ source: paths().data, target: "/mnt/shared", readonly: false }],
  });

  test("what one sandbox writes into a shared mount, the other sees at once, with its owners", async () => {
    const [one, two] = await Promise.all([bench().python(first, shared()), bench().python(second, shared())]);
    const said = "answer from the other 1000:1000:644\n'one\\ntwo\\n'\nFalse ['log', 'renamed']\n";
    expect(one).toEqual({ exitCode: 0, output: said });
    expect(two).toEqual({ exitCode: 0, output: "x\n" });
    const { data } = paths();
    const { uid, gid } = statSync(`${data}/log`);
    expect([uid, gid, readFileSync(`${data}/log`, "utf8")]).toEqual([1000, 1001, "one\ntwo\n"]);
    expect(statSync(`${data}/made`).uid).toBe(0);
  });

  test("what the host writes meanwhile is seen, programs there can be run, and it outlives its sandboxes", async () => {
    const { data } = paths();
    writeFileSync(`${data}/program`, "#!/bin/sh\necho run by $(id -u)\n", { mode: 0o755 });
    const script = "/mnt/shared/program; until [ -e /mnt/shared/later ]; do :; done; cat /mnt/shared/later";
    const sandbox = bench().shell(script, shared());
    writeFileSync(`${data}/later.part`, "from the host\n");
    // Nobody finds half of it.
    renameSync(`${data}/later.part`, `${data}/later`);
    expect((await sandbox).output).toBe("run by 0\nfrom the host\n");
  });

  test("a full shared mount is ENOSPC inside, and nothing else is full", async () => {
    const script = `
      head -c ${2 * sizeMib}M /dev/zero > /mnt/shared/big 2>/tmp/said; grep -o 'No space left on device' /tmp/said
      echo more > /tmp/other && echo fine; rm /mnt/shared/big; echo again > /mnt/shared/small && cat /mnt/shared/small`;
    expect((await bench().shell(script, shared())).output).toBe("No space left on device\nfine\nagain\n");
  });
}
