import type { components } from "@sandbank/protocol/gen/openapi";
import type { Volume } from "@sandbank/store/volumes";
import type { ControlPlane } from "../control-plane.ts";
import { issueVolumeToken, onContent } from "../use-cases/volume-content.ts";
import { createVolume, deleteVolume, getVolume } from "../use-cases/volumes.ts";
import type { VolumeEntry } from "../volume-port.ts";
import type { Handlers } from "./operation-types.ts";

type Schemas = components["schemas"];

const rfc3339 = (ms: number): string => new Date(ms).toISOString();

const volumeAndToken = (plane: ControlPlane, volume: Volume): Schemas["VolumeAndToken"] => ({
  volumeID: volume.id,
  name: volume.name,
  token: issueVolumeToken(plane, volume),
});

const entryView = ({
  atimeMs,
  mtimeMs,
  ctimeMs,
  target,
  ...entry
}: VolumeEntry): Schemas["VolumeEntryStat"] => ({
  ...entry,
  atime: rfc3339(atimeMs),
  mtime: rfc3339(mtimeMs),
  ctime: rfc3339(ctimeMs),
  ...(target === undefined ? {} : { target }),
});

/** Handlers of everything under `/volumes`. */
export function volumeHandlers(plane: ControlPlane): Handlers {
  return {
    async listVolumes({ team }) {
      const volumes = await plane.store.volumes.list(team.id);
      return { status: 200, body: volumes.map(({ id, name }) => ({ volumeID: id, name })) };
    },
    async createVolume({ team, body }) {
      return { status: 201, body: volumeAndToken(plane, await createVolume(plane, team, body.name)) };
    },
    async getVolume({ team, path }) {
      return { status: 200, body: volumeAndToken(plane, await getVolume(plane, team.id, path.volumeID)) };
    },
    async deleteVolume({ team, path }) {
      await deleteVolume(plane, team.id, path.volumeID);
      return { status: 204, body: undefined };
    },
  };
}

/** Handlers of everything under `/volumecontent`. */
export function volumeContentHandlers(plane: ControlPlane): Handlers {
  const targetOf = (call: { volume: Volume; query: { path: string } }) => ({
    volumeId: call.volume.id,
    path: call.query.path,
  });
  return {
    async getVolumeEntry(call) {
      const entry = await onContent(plane, call, (volumes) => volumes.stat(targetOf(call)));
      return { status: 200, body: entryView(entry) };
    },
    async updateVolumeEntry(call) {
      const entry = await onContent(plane, call, (volumes) => volumes.update(targetOf(call), call.body));
      return { status: 200, body: entryView(entry) };
    },
    async deleteVolumeEntry(call) {
      await onContent(plane, call, (volumes) => volumes.removeEntry(targetOf(call)));
      return { status: 204, body: undefined };
    },
    async listVolumeDirectory(call) {
      const depth = Math.max(1, call.query.depth ?? 1);
      const entries = await onContent(plane, call, (volumes) => volumes.entries(targetOf(call), depth));
      return { status: 200, body: entries.map(entryView) };
    },
    async makeVolumeDirectory(call) {
      const { uid, gid, mode, force = false } = call.query;
      const how = { ownership: { uid, gid, mode }, force };
      const entry = await onContent(plane, call, (volumes) => volumes.makeDirectory(targetOf(call), how));
      return { status: 201, body: entryView(entry) };
    },
    async readVolumeFile(call) {
      const { sizeBytes, bytes } = await onContent(plane, call, (volumes) => volumes.read(targetOf(call)));
      return { status: 200, bytes, sizeBytes };
    },
    async writeVolumeFile(call) {
      const { uid, gid, mode, force = true } = call.query;
      const file = { ...targetOf(call), ownership: { uid, gid, mode }, force, bytes: call.body };
      const entry = await onContent(plane, call, (volumes) => volumes.write(file));
      return { status: 201, body: entryView(entry) };
    },
  };
}
