import { checked, libc } from "./libc.ts";

/** `_LINUX_CAPABILITY_VERSION_3`: two blocks of effective, permitted, inheritable. */
const capabilityVersion3 = 0x2008_0522;
const wordBytes = 4;
const blockBytes = 3 * wordBytes;

/**
 * Runs `work`, which must be synchronous, as if files were touched by `id` (user and group) instead of root, with root's
 * capabilities kept: new files belong to `id`, and a mount made meanwhile remembers that as its maker.
 * The change is this thread's only. When the way back fails the process aborts: it would go on with the wrong owner.
 */
export function asFileOwner<T>(id: number, work: () => T): T {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(capabilityVersion3);
  const capabilities = Buffer.alloc(2 * blockBytes);
  checked("capget", "", libc.capget(header, capabilities));
  const raised = Buffer.from(capabilities);
  for (const block of [0, blockBytes])
    capabilities.copy(raised, block, block + wordBytes, block + 2 * wordBytes);
  libc.setfsgid(id);
  libc.setfsuid(id);
  try {
    // The kernel takes the file capabilities away together with the id.
    checked("capset", "", libc.capset(header, raised));
    return work();
  } finally {
    libc.setfsuid(0);
    libc.setfsgid(0);
    const restored = libc.capset(header, capabilities) === 0;
    // setfsuid gives the old id back, and an impossible one changes nothing.
    if (!restored || libc.setfsuid(0xffff_ffff) !== 0 || libc.setfsgid(0xffff_ffff) !== 0) process.abort();
  }
}
