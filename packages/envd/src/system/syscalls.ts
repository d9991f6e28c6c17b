/** System call numbers by machine: x86-64 first, arm64 second. */
const table = {
  ioctl: [16, 29],
  madvise: [28, 233],
  fcntl: [72, 25],
  setresuid: [117, 147],
  setresgid: [119, 149],
  setgroups: [116, 159],
  setxattr: [188, 5],
  fsetxattr: [190, 7],
  getxattr: [191, 8],
  listxattr: [194, 11],
  flistxattr: [196, 13],
  fremovexattr: [199, 16],
  clockSettime: [227, 112],
  inotifyAddWatch: [254, 27],
  inotifyRmWatch: [255, 28],
  pipe2: [293, 59],
  inotifyInit1: [294, 26],
  statx: [332, 291],
  prlimit64: [302, 261],
} as const;

export type SyscallName = keyof typeof table;

const column = process.arch === "arm64" ? 1 : 0;

/** The number of a system call on this machine. */
export function syscallNumber(name: SyscallName): number {
  return table[name][column];
}

export const openFlags = { cloexec: 0o2000000, nonblock: 0o4000, noctty: 0o400 } as const;

/** errno values, as the kernel returns them negated. */
export const errno = { ENOENT: 2, EAGAIN: 11, ENOTDIR: 20, ENODATA: 61, EOPNOTSUPP: 95 } as const;
