import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { cgroupVersion } from "@sandbank/linux/cgroup";
import { openFilesHardLimit } from "@sandbank/linux/limits";
import { missingPackages } from "../prepare/packages.ts";
import { type RatedCheck, bad, poor, well } from "./check.ts";

const read = (file: string): string => (existsSync(file) ? readFileSync(file, "utf8").trim() : "absent");

/** What sandboxes need of the kernel. A file system that a probe has just used is there, whatever the list says. */
export function checkKernel(hasProof: boolean): RatedCheck {
  const fileSystems = read("/proc/filesystems").split(/\s+/);
  const features: [name: string, isThere: boolean][] = [
    ["overlay", hasProof || fileSystems.includes("overlay")],
    ["ext4", hasProof || fileSystems.includes("ext4")],
    ["loop devices", existsSync("/dev/loop-control")],
    ["network namespaces", existsSync("/proc/self/ns/net")],
    ["user namespaces", Number(read("/proc/sys/user/max_user_namespaces")) > 0],
    ["seccomp", existsSync("/proc/sys/kernel/seccomp/actions_avail")],
  ];
  const optional: [name: string, isThere: boolean][] = [
    ["tun", existsSync("/dev/net/tun")],
    ["kvm", existsSync("/dev/kvm")],
  ];
  const list = [...features, ...optional]
    .map(([name, isThere]) => (isThere ? name : `no ${name}`))
    .join(", ");
  const evidence = `Linux ${release()}: ${list}`;
  const missing = features.filter(([, isThere]) => !isThere).map(([name]) => name);
  if (missing.length === 0) return well("kernel", evidence);
  return bad("kernel", {
    evidence,
    meaning: `sandboxes can't be made without ${missing.join(", ")}`,
    remedy: "load the module (modprobe overlay, loop, ext4), or raise user.max_user_namespaces with sysctl",
  });
}

/** Programs of the distribution that everything here is done with. */
export function checkPackages(): RatedCheck {
  const missing = missingPackages();
  if (missing.length === 0) return well("packages", "all that are needed are installed");
  return bad("packages", {
    evidence: `not installed: ${missing.join(", ")}`,
    meaning: "sandboxes can't be made, and doctor can't look at all of the network, without these programs",
    remedy: `sandbank up installs them; or apt-get install ${missing.join(" ")}`,
  });
}

const neededControllers = ["cpu", "memory", "pids"];

export function checkCgroup(): RatedCheck {
  const isUnified = cgroupVersion() === 2;
  const controllers = isUnified
    ? read("/sys/fs/cgroup/cgroup.controllers").split(" ")
    : neededControllers.filter((name) => existsSync(`/sys/fs/cgroup/${name}/cgroup.procs`));
  const mode = isUnified ? "version 2, unified" : "version 1, a tree per controller";
  const evidence = `${mode}; controllers ${controllers.join(", ")}`;
  const missing = neededControllers.filter((name) => !controllers.includes(name));
  if (missing.length === 0) return well("cgroup", evidence);
  return bad("cgroup", {
    evidence,
    meaning: `sandboxes can't be limited without the controllers ${missing.join(", ")}`,
    remedy:
      "mount them, or enable them at boot (cgroup_enable=memory; Delegate=yes where a manager runs this)",
  });
}

const minOpenFiles = 4_096;
const minMemoryMib = { degraded: 512, broken: 128 };

export function checkLimits(): RatedCheck {
  const availableMib = Math.floor(
    Number(/^MemAvailable: +(\d+)/m.exec(read("/proc/meminfo"))?.[1] ?? 0) / 1024,
  );
  const files = openFilesHardLimit();
  const evidence =
    `memory available ${availableMib} MiB, open files at most ${files}, ` +
    `pids ${read("/proc/sys/kernel/pid_max")}, threads ${read("/proc/sys/kernel/threads-max")}, ` +
    `inotify instances ${read("/proc/sys/fs/inotify/max_user_instances")}`;
  if (availableMib < minMemoryMib.degraded) {
    const rate = availableMib < minMemoryMib.broken ? bad : poor;
    return rate("limits", {
      evidence,
      meaning: "little memory is left: sandboxes and the service may be ended for want of it",
      remedy: "end sandboxes (sandbank ps), or lower the memory of templates",
    });
  }
  if (files >= minOpenFiles) return well("limits", evidence);
  return poor("limits", {
    evidence,
    meaning: "the service and its sandboxes can't hold many connections and files open",
    remedy: "raise the hard limit of open files (ulimit -Hn, LimitNOFILE=) to 65536",
  });
}
