import { closeSync, constants, openSync } from "node:fs";
import type { ServiceImpl } from "@connectrpc/connect";
import { AppError } from "@sandbank/core/errors";
import { toConnectError } from "@sandbank/protocol/connect-error";
import type { Ownership, VolumeService, WritePart } from "@sandbank/protocol/gen/volumes_pb";
import { makeDirectoryAt, removeEntry, updateEntry } from "./changes.ts";
import { contentError } from "./content-errors.ts";
import { type EntryFields, listEntries, statEntry } from "./entries.ts";
import { cleanPath } from "./tenant-path.ts";
import { readFile, writeFile } from "./transfers.ts";
import type { VolumeManager } from "./volume-manager.ts";

interface Target {
  volumeId: string;
  path: string;
}

interface OpenVolume {
  /** Of the directory that tenants see as the root. */
  rootFd: number;
  stagingDir: string;
  close(): void;
}

/** volumes.proto over the volumes of this node; errors leave as Connect errors. */
export function volumeService(volumes: VolumeManager): ServiceImpl<typeof VolumeService> {
  return {
    createVolume: ({ volumeId, sizeMib }) =>
      translated("", async () => {
        await volumes.create(volumeId, sizeMib);
        return {};
      }),
    deleteVolume: ({ volumeId }) =>
      translated("", async () => {
        await volumes.remove(volumeId);
        return {};
      }),
    listVolumes: () => ({ volumeIds: volumes.list() }),
    statEntry: (target) => inVolume(volumes, target, ({ rootFd }, path) => statEntry(rootFd, path)),
    makeDirectory: ({ ownership = {}, force, ...target }) =>
      inVolume(volumes, target, ({ rootFd }, path) => makeDirectoryAt(rootFd, path, ownership, force)),
    updateEntry: ({ ownership = {}, ...target }) =>
      inVolume(volumes, target, ({ rootFd }, path) => updateEntry(rootFd, path, ownership)),
    removeEntry: (target) =>
      inVolume(volumes, target, async ({ rootFd }, path) => {
        await removeEntry(rootFd, path);
        return {};
      }),
    listEntries: ({ depth, ...target }, { signal }) =>
      endedBy(
        signal,
        streamed(volumes, target, async function* inBatches(rootFd, path) {
          for await (const entries of listEntries(rootFd, path, depth)) yield { entries };
        }),
      ),
    readFile: (target, { signal }) => endedBy(signal, streamed(volumes, target, readFile)),
    writeFile: (parts) => receiveFile(volumes, parts),
  };
}

async function openVolume(volumes: VolumeManager, volumeId: string): Promise<OpenVolume> {
  const lease = await volumes.acquire(volumeId);
  try {
    const rootFd = openSync(lease.dataDir, constants.O_DIRECTORY);
    const close = (): void => {
      closeSync(rootFd);
      lease.release();
    };
    return { rootFd, stagingDir: lease.stagingDir, close };
  } catch (error) {
    lease.release();
    throw error;
  }
}

function inVolume<T>(
  volumes: VolumeManager,
  { volumeId, path }: Target,
  work: (volume: OpenVolume, path: string) => Promise<T> | T,
): Promise<T> {
  return translated(path, async () => {
    const clean = cleanPath(path);
    const volume = await openVolume(volumes, volumeId);
    try {
      return await work(volume, clean);
    } finally {
      volume.close();
    }
  });
}

async function translated<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toConnectError(contentError(error, path));
  }
}

/** A receiver that has gone takes no more items: without this the generator would stand still with all that it holds. */
function endedBy<T>(signal: AbortSignal, items: AsyncGenerator<T>): AsyncGenerator<T> {
  signal.addEventListener("abort", () => void items.return(undefined), { once: true });
  return items;
}

/** The volume stays in use until the receiver has taken the last item, or has gone. */
async function* streamed<T>(
  volumes: VolumeManager,
  { volumeId, path }: Target,
  items: (rootFd: number, path: string) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  try {
    const volume = await openVolume(volumes, volumeId);
    try {
      yield* items(volume.rootFd, cleanPath(path));
    } finally {
      volume.close();
    }
  } catch (error) {
    throw toConnectError(contentError(error, path));
  }
}

async function receiveFile(volumes: VolumeManager, stream: AsyncIterable<WritePart>): Promise<EntryFields> {
  const parts = stream[Symbol.asyncIterator]();
  const first = await parts.next();
  const start = first.done ? undefined : first.value.start;
  if (!start) throw toConnectError(new AppError({ code: "invalid_argument", message: "start is missing" }));
  const { force } = start;
  const ownership: Partial<Ownership> = start.ownership ?? {};
  return inVolume(volumes, start, ({ rootFd, stagingDir }, clean) =>
    writeFile({ rootFd, stagingDir, path: clean, ownership, force }, bytesOf(parts)),
  );
}

async function* bytesOf(parts: AsyncIterator<WritePart>): AsyncGenerator<Uint8Array> {
  for (let next = await parts.next(); !next.done; next = await parts.next()) yield next.value.data;
}
