import { readFileSync, readlinkSync } from "node:fs";
import { expect, test } from "vitest";
import type { SuiteContext } from "../contract-suite.ts";

export function isolationSuite({ bench }: SuiteContext): void {
  test("sees its own processes only", async () => {
    const { output } = await bench().shell("ls /proc | grep -c '^[0-9]'; cat /proc/1/comm");
    const [count, first] = output.trim().split("\n");
    expect(Number(count)).toBeLessThanOrEqual(5);
    expect(first).toBe("sh");
  });

  test("sees its own network namespace's devices only", async () => {
    const { output } = await bench().shell(
      "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; ls /sys/class/net 2>/dev/null",
    );
    expect([...new Set(output.trim().split("\n"))]).toEqual(["lo"]);
  });

  test("has no way to the host's files, kernel settings, devices or clock", async () => {
    const attempts = [
      "mount -t tmpfs none /mnt",
      "mount --bind /etc /mnt",
      "mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk",
      "echo 1 > /proc/sys/kernel/sysrq",
      "echo b > /proc/sysrq-trigger",
      "head -c 1 /proc/kcore | grep -q .",
      "date -s 2001-01-01",
      "ls /sys/kernel/debug | grep -q .",
      "ls /sys/firmware | grep -q .",
      "chroot /proc/1/root true && ls /work",
      "echo x > /proc/sys/kernel/core_pattern",
      "dmesg -n 1",
      "hostname changed-by-guest",
    ];
    const script = attempts.map((attempt) => `(${attempt}) >/dev/null 2>&1 && echo '${attempt} worked'`);
    const allowed = bench().driver.isolation === "container" ? [] : ["date -s", "hostname"];
    const { output } = await bench().shell(script.join("\n"));
    const worked = output
      .trim()
      .split("\n")
      .filter((line) => line !== "" && !allowed.some((start) => line.startsWith(start)));
    expect(worked).toEqual([]);
  });

  test("root inside is nobody on the host and shares ids with no other sandbox", async ({ skip }) => {
    if (bench().driver.isolation !== "container") skip("its processes are not the host's");
    const [one, two] = await Promise.all([
      bench().start(bench().spec(["/bin/sleep", "60"])),
      bench().start(bench().spec(["/bin/sleep", "60"])),
    ]);
    const ownersOf = (pid: number): string[] =>
      /^Uid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]?.split("\t") ?? [];
    const ids = [one, two].map((sandbox) => Number(ownersOf(sandbox.pid)[0]));
    for (const id of ids) expect(id).toBeGreaterThan(1_000_000_000);
    expect(Math.abs((ids[0] ?? 0) - (ids[1] ?? 0))).toBeGreaterThanOrEqual(65_536);
    for (const name of ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"]) {
      const links = [process.pid, one.pid, two.pid].map((pid) => readlinkSync(`/proc/${pid}/ns/${name}`));
      // Both sandboxes of this test are put into the same network namespace.
      expect(new Set(links).size, name).toBe(name === "net" ? 2 : 3);
    }
    await Promise.all([bench().destroy(one), bench().destroy(two)]);
  });

  test("set-user-ID programs give rights only where that is not the host's kernel", async () => {
    const { output } = await bench().shell(`
      cp /usr/bin/python3 /usr/local/bin/raised; chmod u+s /usr/local/bin/raised
      setpriv --reuid 1000 --regid 1000 --clear-groups /usr/local/bin/raised -c 'import os; print(os.geteuid())'`);
    expect(output).toBe(bench().driver.isolation === "gvisor" ? "0\n" : "1000\n");
  });

  test("a container has few capabilities, a filter and no new privileges", async ({ skip }) => {
    if (bench().driver.isolation !== "container") skip("its capabilities are not the host's");
    const { output } = await bench().shell(
      "grep -E '^(CapBnd|CapEff|NoNewPrivs|Seccomp):' /proc/self/status",
    );
    expect(output).toBe(
      "CapEff:\t00000000a00405fb\nCapBnd:\t00000000a00405fb\nNoNewPrivs:\t1\nSeccomp:\t2\n",
    );
  });

  test("refuses system calls that are not needed", async ({ skip }) => {
    if (bench().driver.isolation !== "container") skip("its system calls do not reach the host");
    const program = `
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    result = libc.syscall(number, *args)
    return "ok" if result >= 0 else errno.errorcode[ctypes.get_errno()]
print("unshare user", call(272, 0x10000000))
print("clone3", call(435, 0, 0))
print("bpf", call(321, 0, 0, 0))
print("io_uring", call(425, 1, 0))
print("keyctl", call(250, 0, -3, 0))
print("userfaultfd", call(323, 0))
print("perf", call(298, 0, 0, -1, -1, 0))
print("vsock", call(41, 40, 1, 0))
print("unix", call(41, 1, 1, 0))`;
    expect((await bench().python(program)).output).toBe(
      "unshare user EPERM\nclone3 ENOSYS\nbpf EPERM\nio_uring EPERM\nkeyctl EPERM\nuserfaultfd EPERM\nperf EPERM\nvsock EPERM\nunix ok\n",
    );
  });
}
