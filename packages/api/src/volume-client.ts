import type { Client } from "@connectrpc/connect";
import { AppError } from "@sandbank/core/errors";
import { fromConnectError } from "@sandbank/protocol/connect-error";
import type { Entry, FilePart, VolumeService } from "@sandbank/protocol/gen/volumes_pb";
import type { EntryTarget, FileContent, NewFile, VolumeEntry, VolumePort } from "./volume-port.ts";

export type VolumeClient = Client<typeof VolumeService>;

const pieceBytes = 256 * 1024;
/** Formatting and removing a disk take milliseconds, on a busy machine seconds. */
const diskTimeoutMs = 120_000;
const queryTimeoutMs = 30_000;
/** Of a tree, which may be large. */
const removeTimeoutMs = 10 * 60_000;

const types = ["file", "directory", "symlink"] as const;

function toEntry(message: Entry): VolumeEntry {
  const { $typeName: _, $unknown: __, type, ...entry } = message;
  return { ...entry, type: types.find((known) => known === type) ?? "unknown" };
}

async function call<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fromConnectError(error);
  }
}

/** The volume port over the node's RPC. */
export function volumePort(client: VolumeClient): VolumePort {
  const disk = { timeoutMs: diskTimeoutMs };
  const query = { timeoutMs: queryTimeoutMs };
  return {
    async create(volumeId, sizeMib) {
      await call(() => client.createVolume({ volumeId, sizeMib }, disk));
    },
    async remove(volumeId) {
      await call(() => client.deleteVolume({ volumeId }, disk));
    },
    list: () => call(async () => (await client.listVolumes({}, query)).volumeIds),
    stat: (target) => call(async () => toEntry(await client.statEntry(target, query))),
    entries: (target, depth) =>
      call(async () => {
        const entries: VolumeEntry[] = [];
        for await (const batch of client.listEntries({ ...target, depth }, query)) {
          entries.push(...batch.entries.map(toEntry));
        }
        return entries;
      }),
    makeDirectory: (target, { ownership, force }) =>
      call(async () => toEntry(await client.makeDirectory({ ...target, ownership, force }, query))),
    update: (target, ownership) =>
      call(async () => toEntry(await client.updateEntry({ ...target, ownership }, query))),
    async removeEntry(target) {
      await call(() => client.removeEntry(target, { timeoutMs: removeTimeoutMs }));
    },
    read: (target) => call(() => readFile(client, target)),
    write: (file) => writeFile(client, file),
  };
}

/** Waits for the first part, so that a file that can't be read is an error and not a broken stream. */
async function readFile(client: VolumeClient, target: EntryTarget): Promise<FileContent> {
  const controller = new AbortController();
  const parts = client.readFile(target, { signal: controller.signal })[Symbol.asyncIterator]();
  const first = await parts.next();
  return { sizeBytes: first.done ? 0 : (first.value.size ?? 0), bytes: bytesOf(parts, controller) };
}

/** No generator, because those do nothing when they are ended before their first item: the node must hear of that too. */
function bytesOf(
  parts: AsyncIterator<FilePart>,
  controller: AbortController,
): AsyncIterableIterator<Uint8Array, undefined> {
  const ended = { done: true, value: undefined } as const;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        const part = await parts.next();
        return part.done ? ended : { done: false, value: part.value.data };
      } catch (error) {
        throw fromConnectError(error);
      }
    },
    async return() {
      controller.abort();
      return ended;
    },
  };
}

/** Joins what arrives in many small parts: each message costs as much as a few dozen KiB of bytes. */
async function* inPieces(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of bytes) {
    parts.push(part);
    size += part.length;
    if (size < pieceBytes) continue;
    yield Buffer.concat(parts);
    [parts, size] = [[], 0];
  }
  if (size > 0) yield Buffer.concat(parts);
}

async function writeFile(client: VolumeClient, file: NewFile): Promise<VolumeEntry> {
  const { volumeId, path, ownership, force, bytes } = file;
  let sourceError: unknown;
  async function* parts() {
    yield { start: { volumeId, path, ownership, force } };
    try {
      for await (const data of inPieces(bytes)) yield { data };
    } catch (error) {
      // The node's own errors are thrown in here as well, to end the sending.
      if (error instanceof AppError) sourceError = error;
      throw error;
    }
  }
  try {
    return toEntry(await client.writeFile(parts()));
  } catch (error) {
    // What the node says of a sender that failed is not why it failed.
    throw sourceError ?? fromConnectError(error);
  }
}
