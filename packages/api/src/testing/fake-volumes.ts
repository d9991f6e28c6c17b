import { createClient, createRouterTransport } from "@connectrpc/connect";
import { AppError } from "@sandbank/core/errors";
import { toConnectError } from "@sandbank/protocol/connect-error";
import { VolumeService, type WritePart } from "@sandbank/protocol/gen/volumes_pb";
import type { VolumeClient } from "../volume-client.ts";

interface FakeEntry {
  type: "file" | "directory";
  data: Uint8Array;
  mode: number;
  uid: number;
  gid: number;
}

type Ownership = Partial<Pick<FakeEntry, "mode" | "uid" | "gid">>;

const error = (code: AppError["code"], message: string, reason?: AppError["reason"]): Error =>
  toConnectError(new AppError({ code, message, reason }));

const clean = (path: string): string =>
  new URL(`file:///${path.split("/").map(encodeURIComponent).join("/")}`).pathname
    .replaceAll(/\/+/g, "/")
    .replace(/(.)\/$/, "$1");

/** Volumes in memory that keep the contract of volumes.proto, without links; tests reach in to break things. */
export class FakeVolumes {
  readonly volumes = new Map<string, Map<string, FakeEntry>>();
  /** Bytes that a file may have. */
  roomBytes = 1024 * 1024;
  /** Called before a volume is made or removed; may throw. */
  beforeChange: () => void = () => undefined;

  client(): VolumeClient {
    const transport = createRouterTransport(({ service }) => {
      service(VolumeService, {
        createVolume: ({ volumeId }) => {
          this.beforeChange();
          const root: FakeEntry = { type: "directory", data: new Uint8Array(), mode: 0o777, uid: 0, gid: 0 };
          this.volumes.set(volumeId, this.volumes.get(volumeId) ?? new Map([["/", root]]));
          return {};
        },
        deleteVolume: ({ volumeId }) => {
          this.beforeChange();
          this.volumes.delete(volumeId);
          return {};
        },
        listVolumes: () => ({ volumeIds: [...this.volumes.keys()] }),
        statEntry: ({ volumeId, path }) => this.#view(volumeId, clean(path)),
        listEntries: ({ volumeId, path, depth }) => this.#list(volumeId, clean(path), depth),
        makeDirectory: ({ volumeId, path, ownership = {}, force }) => {
          const known = this.#entries(volumeId).get(clean(path));
          if (known && (!force || known.type !== "directory"))
            throw error("already_exists", "it exists already");
          if (!known) this.#put(volumeId, clean(path), "directory", ownership, force);
          return this.#view(volumeId, clean(path));
        },
        updateEntry: ({ volumeId, path, ownership: { uid, gid, mode } = {} }) => {
          const entry = this.#get(volumeId, clean(path));
          Object.assign(entry, { uid: uid ?? entry.uid, gid: gid ?? entry.gid, mode: mode ?? entry.mode });
          return this.#view(volumeId, clean(path));
        },
        removeEntry: ({ volumeId, path }) => {
          this.#get(volumeId, clean(path));
          if (clean(path) === "/") throw error("invalid_argument", "the root stays");
          const entries = this.#entries(volumeId);
          const below = [...entries.keys()].filter((each) => `${each}/`.startsWith(`${clean(path)}/`));
          for (const each of below) entries.delete(each);
          return {};
        },
        readFile: ({ volumeId, path }) => this.#read(volumeId, clean(path)),
        writeFile: (parts) => this.#write(parts),
      });
    });
    return createClient(VolumeService, transport);
  }

  #entries(volumeId: string): Map<string, FakeEntry> {
    const entries = this.volumes.get(volumeId);
    if (!entries) throw error("not_found", `volume ${volumeId} is not on this node`);
    return entries;
  }

  #get(volumeId: string, path: string): FakeEntry {
    const entry = this.#entries(volumeId).get(path);
    if (!entry) throw error("not_found", `path ${path} does not exist`);
    return entry;
  }

  #put(
    volumeId: string,
    path: string,
    type: FakeEntry["type"],
    ownership: Ownership,
    force: boolean,
  ): FakeEntry {
    const parent = path.replace(/\/[^/]*$/, "") || "/";
    const known = this.#entries(volumeId).get(parent);
    if (!known && force) this.#put(volumeId, parent, "directory", { ...ownership, mode: 0o777 }, force);
    else if (known?.type !== "directory") throw error("not_found", `path ${parent} does not exist`);
    const { uid = 0, gid = 0, mode = type === "file" ? 0o666 : 0o777 } = ownership;
    const entry: FakeEntry = { type, data: new Uint8Array(), mode, uid, gid };
    this.#entries(volumeId).set(path, entry);
    return entry;
  }

  #view(volumeId: string, path: string) {
    const { data, ...entry } = this.#get(volumeId, path);
    const times = { atimeMs: 1000, mtimeMs: 1000, ctimeMs: 1000 };
    return { ...entry, ...times, name: path.split("/").at(-1) || "/", path, size: data.length };
  }

  async *#list(volumeId: string, path: string, depth: number) {
    if (this.#get(volumeId, path).type !== "directory") throw error("invalid_argument", "no directory");
    const prefix = path === "/" ? "/" : `${path}/`;
    const found = [...this.#entries(volumeId).keys()]
      .filter((each) => each !== "/" && each.startsWith(prefix))
      .filter((each) => each.slice(prefix.length).split("/").length <= depth);
    yield { entries: found.toSorted().map((each) => this.#view(volumeId, each)) };
  }

  async *#read(volumeId: string, path: string) {
    const { type, data } = this.#get(volumeId, path);
    if (type !== "file") throw error("invalid_argument", "no file");
    yield { size: data.length };
    if (data.length > 0) yield { data: Buffer.from(data) };
  }

  async #write(parts: AsyncIterable<WritePart>) {
    const pieces: Uint8Array[] = [];
    let start: WritePart["start"];
    for await (const part of parts) {
      start ??= part.start;
      pieces.push(part.data);
    }
    const { volumeId = "", path = "", ownership = {}, force = false } = start ?? {};
    const known = this.#entries(volumeId).get(clean(path));
    if (known?.type === "directory") throw error("invalid_argument", "it is a directory");
    if (known && !force) throw error("already_exists", "it exists already");
    const data = Buffer.concat(pieces);
    if (data.length > this.roomBytes) throw error("failed_precondition", "the volume is full", "volume_full");
    this.#put(volumeId, clean(path), "file", ownership, force).data = data;
    return this.#view(volumeId, clean(path));
  }
}
