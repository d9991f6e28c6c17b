import { expect, test } from "vitest";
import { allowedSystemCalls } from "./seccomp-allowlist.ts";
import { seccompProfile } from "./seccomp-profile.ts";

test("names each system call once", () => {
  expect(new Set(allowedSystemCalls).size).toBe(allowedSystemCalls.length);
  expect(allowedSystemCalls.filter((name) => !/^[a-z0-9_]+$/.test(name))).toEqual([]);
});

test.each(
  "mount umount2 pivot_root unshare setns clone clone3 bpf io_uring_setup userfaultfd perf_event_open kexec_load add_key keyctl request_key init_module finit_module delete_module reboot swapon swapoff open_by_handle_at settimeofday clock_settime syslog acct quotactl iopl ioperm move_mount open_tree fsopen mount_setattr personality socket fanotify_init".split(
    " ",
  ),
)("%s is not allowed without conditions", (name) => {
  expect(allowedSystemCalls).not.toContain(name);
});

test("refuses by default, and has rules for each architecture that node runs on", () => {
  for (const arch of ["x64", "arm64"]) {
    const profile = seccompProfile(arch);
    expect(profile).toMatchObject({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 1 });
    expect(profile.architectures).toHaveLength(1);
  }
});
