import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { SuiteContext } from "../contract-suite.ts";

export function rootfsSuite({ bench }: SuiteContext): void {
  test("writes the files of the spec, also where directories are missing", async () => {
    const { output } = await bench().shell(
      "cat /etc/resolv.conf /srv/deep/er/note; stat -c '%u %g %a' /srv/deep/er/note",
      {
        files: { "/etc/resolv.conf": "nameserver 192.0.2.1\n", "/srv/deep/er/note": "hällo\n" },
      },
    );
    expect(output).toBe("nameserver 192.0.2.1\nhällo\n0 0 644\n");
  });

  test("a link in the template leads no file out of the root", async () => {
    const layer = `${bench().directory}/links`;
    mkdirSync(layer, { recursive: true });
    const outside = `${bench().directory}/outside`;
    mkdirSync(outside, { recursive: true });
    writeFileSync(`${outside}/victim`, "untouched");
    symlinkSync(outside, `${layer}/escape`);
    symlinkSync("../../../../../../../../../..", `${layer}/up`);
    symlinkSync(`${outside}/victim`, `${layer}/file`);
    const spec = bench().spec(["/bin/cat", "/file"], {
      files: { "/escape/new": "in\n", [`/up${outside}/new2`]: "in\n", "/file": "inside\n" },
    });
    spec.layers.push(layer);
    expect(await bench().outcome(spec)).toEqual({ exitCode: 0, output: "inside\n" });
    expect(readdirSync(outside)).toEqual(["victim"]);
    expect(readFileSync(`${outside}/victim`, "utf8")).toBe("untouched");
  });

  test("later layers lie over earlier ones, and none is written to", async () => {
    const layer = `${bench().directory}/upper-layer`;
    mkdirSync(`${layer}/etc`, { recursive: true });
    writeFileSync(`${layer}/etc/debian_version`, "from the second layer\n");
    const spec = bench().spec([
      "/bin/sh",
      "-c",
      "cat /etc/debian_version; echo changed > /etc/debian_version; touch /new",
    ]);
    spec.layers.push(layer);
    expect((await bench().outcome(spec)).output).toBe("from the second layer\n");
    expect(readFileSync(`${layer}/etc/debian_version`, "utf8")).toBe("from the second layer\n");
    expect(readdirSync(layer)).toEqual(["etc"]);
  });

  test("root may own, give away and remove files; sticky /tmp is on the disk", async () => {
    const script = `
      set -e
      touch /root/mine; stat -c '%u:%g' /root/mine
      mkdir /srv/data; chown 1000:1000 /srv/data; stat -c '%u:%g' /srv/data
      chown 65534 /etc/hostname; stat -c '%u' /etc/hostname
      rm -r /usr/share/doc; mkdir /usr/share/doc; ls /usr/share/doc | wc -l
      stat -c %a /tmp; [ "$(stat -f -c %T /tmp)" != tmpfs ]; touch /tmp/x
      mkfifo /tmp/pipe; ln /tmp/x /tmp/y; ln -s x /tmp/z; mv /tmp/y /tmp/w; ls /tmp`;
    const { output, exitCode } = await bench().shell(script);
    expect({ output, exitCode }).toEqual({
      exitCode: 0,
      output: "0:0\n1000:1000\n65534\n0\n1777\npipe\nw\nx\nz\n",
    });
  });

  test("mounts: the read-only one is read-only, the other is shared with the host", async () => {
    const share = (name: string): string => {
      const directory = `${bench().directory}/share-${name}`;
      mkdirSync(directory, { recursive: true, mode: 0o755 });
      writeFileSync(`${directory}/greeting`, `from ${name}\n`);
      return directory;
    };
    const writable = share("rw");
    const { output } = await bench().shell(
      "cat /ro/greeting /mnt/rw/greeting /one; (echo x > /ro/new) 2>/dev/null || echo refused; stat -c %u /ro/greeting; echo back > /mnt/rw/answer",
      {
        mounts: [
          { source: share("ro"), target: "/ro", readonly: true },
          { source: writable, target: "/mnt/rw", readonly: false },
          { source: `${writable}/greeting`, target: "/one", readonly: true },
        ],
      },
    );
    expect(output).toContain("from ro\nfrom rw\nfrom rw\n");
    expect(output).toContain("refused\n0\n");
    expect(readFileSync(`${writable}/answer`, "utf8")).toBe("back\n");
  });

  test("has the usual devices and file systems, and its hostname", async () => {
    const script = `
      hostname
      echo x > /dev/null; head -c 4 /dev/urandom | wc -c; head -c 3 /dev/zero | wc -c
      echo y > /dev/shm/file && cat /dev/shm/file
      python3 -c 'import pty, os; print(os.ttyname(pty.openpty()[1]).startswith("/dev/pts/"))'
      test -L /dev/stdin && test -L /dev/fd && echo links
      head -1 /proc/self/status`;
    expect((await bench().shell(script)).output).toBe("box\n4\n3\ny\nTrue\nlinks\nName:\thead\n");
  });

  test("serves a port below 1024 on the loopback device", async () => {
    const program = `
import socket, threading
s = socket.create_server(("127.0.0.1", 80))
threading.Thread(target=lambda: s.accept()[0].sendall(b"hello"), daemon=True).start()
print(socket.create_connection(("127.0.0.1", 80)).recv(5).decode())`;
    expect(await bench().python(program)).toEqual({ exitCode: 0, output: "hello\n" });
  });
}
