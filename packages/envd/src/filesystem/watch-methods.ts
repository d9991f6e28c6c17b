import { AppError } from "@sandbank/core/errors";
import { type JsonObject, stringField } from "../rpc/fields.ts";
import type { MessageStream } from "../rpc/message-stream.ts";
import type { Method } from "../rpc/method.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { SandboxState } from "../state.ts";
import type { EntryReader } from "./entry.ts";
import { TreeWatch } from "./tree-watch.ts";
import { WatchHub } from "./watch-hub.ts";
import { parseWatchRequest, type WatchTarget } from "./watch-target.ts";

/** Events that wait for a client at most, in each watcher. */
const maxPending = 65_536;
const maxWatchers = 4096;

interface PolledWatcher {
  watch: TreeWatch;
  pending: JsonObject[];
  overflowed: boolean;
}

/** The watching part of filesystem.Filesystem. */
export function watchMethods(
  runtime: Runtime,
  state: SandboxState,
  entries: EntryReader,
): [string, Method][] {
  const hub = new WatchHub(runtime);
  const watchers = new Map<string, PolledWatcher>();
  const find = (input: JsonObject): [string, PolledWatcher] => {
    const id = stringField(input, "watcherId") ?? "";
    const watcher = watchers.get(id);
    if (watcher) return [id, watcher];
    throw new AppError({ code: "not_found", message: `watcher with id ${id} not found` });
  };
  const methods: Record<string, Method> = {
    WatchDir: {
      kind: "serverStream",
      run(input, call, stream) {
        streamEvents(hub, parseWatchRequest(input, call, state, entries), stream);
        stream.keepAlive({ keepalive: {} }, call.keepaliveMs);
        stream.endAfter(call.timeoutMs);
      },
    },
    CreateWatcher: {
      kind: "unary",
      run(input, call) {
        const target = parseWatchRequest(input, call, state, entries);
        if (watchers.size >= maxWatchers) {
          throw new AppError({ code: "resource_exhausted", message: `more than ${maxWatchers} watchers` });
        }
        const watcherId = newWatcherId();
        watchers.set(watcherId, createPolled(hub, target));
        return { watcherId };
      },
    },
    GetWatcherEvents: {
      kind: "unary",
      run(input) {
        const [, watcher] = find(input);
        const events = watcher.pending.splice(0);
        if (watcher.overflowed) {
          watcher.overflowed = false;
          throw lost();
        }
        return { events };
      },
    },
    RemoveWatcher: {
      kind: "unary",
      run(input) {
        const [id, watcher] = find(input);
        watcher.watch.close();
        watchers.delete(id);
        return {};
      },
    },
  };
  return Object.entries(methods).map(([name, method]) => [`/filesystem.Filesystem/${name}`, method]);
}

function lost(): AppError {
  return new AppError({
    code: "resource_exhausted",
    message: "file system events were lost: too many at once",
  });
}

/** Sends events as they come; those that a slow client has not taken wait in a bounded queue. */
function streamEvents(hub: WatchHub, target: WatchTarget, stream: MessageStream): void {
  const queue: JsonObject[] = [];
  let blocked = false;
  const flush = (): void => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const wait = stream.send(next);
      if (!wait) continue;
      blocked = true;
      void wait.then(() => {
        blocked = false;
        flush();
      });
      return;
    }
  };
  const watch = new TreeWatch(hub, {
    ...target,
    onEvent: (path, type) => {
      if (queue.length >= maxPending) return stream.fail(lost());
      queue.push({ filesystem: target.toEvent(path, type) });
      if (!blocked) flush();
    },
    onOverflow: () => stream.fail(lost()),
  });
  void stream.closed.then(() => watch.close());
  void stream.send({ start: {} });
}

function createPolled(hub: WatchHub, target: WatchTarget): PolledWatcher {
  const pending: JsonObject[] = [];
  const watch = new TreeWatch(hub, {
    ...target,
    onEvent: (path, type) => {
      if (pending.length < maxPending) pending.push(target.toEvent(path, type));
      else watcher.overflowed = true;
    },
    onOverflow: () => (watcher.overflowed = true),
  });
  const watcher: PolledWatcher = { watch, pending, overflowed: false };
  return watcher;
}

function newWatcherId(): string {
  return `w${[...crypto.getRandomValues(new Uint8Array(20))].map((byte) => (byte % 36).toString(36)).join("")}`;
}
