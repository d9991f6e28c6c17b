import { AppError } from "@sandbank/core/errors";
import type { ByteSource, Runtime } from "../runtime/runtime.ts";
import { openFlags, syscallNumber } from "./syscalls.ts";

/** Bits of an inotify event. */
export const inotifyBits = {
  modify: 0x2,
  attrib: 0x4,
  movedFrom: 0x40,
  movedTo: 0x80,
  create: 0x100,
  delete: 0x200,
  deleteSelf: 0x400,
  moveSelf: 0x800,
  overflow: 0x4000,
  ignored: 0x8000,
  isDirectory: 0x40000000,
} as const;

const onlyDirectories = 0x01000000;
const headerBytes = 16;
const wanted =
  inotifyBits.modify |
  inotifyBits.attrib |
  inotifyBits.movedFrom |
  inotifyBits.movedTo |
  inotifyBits.create |
  inotifyBits.delete |
  inotifyBits.deleteSelf |
  inotifyBits.moveSelf;

export interface InotifyEvent {
  wd: number;
  mask: number;
  /** Joins the two halves of a move; 0 otherwise. */
  cookie: number;
  /** Empty when the event is about the watched directory itself. */
  name: string;
}

/** Cuts what the kernel delivers into events; a rest waits for the next piece. */
export class InotifyParser {
  #rest: Uint8Array = new Uint8Array();

  push(chunk: Uint8Array): InotifyEvent[] {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : Buffer.from(chunk);
    const events: InotifyEvent[] = [];
    let offset = 0;
    while (bytes.length - offset >= headerBytes) {
      const end = offset + headerBytes + bytes.readUInt32LE(offset + 12);
      if (end > bytes.length) break;
      const padded = bytes.subarray(offset + headerBytes, end);
      const nul = padded.indexOf(0);
      events.push({
        wd: bytes.readInt32LE(offset),
        mask: bytes.readUInt32LE(offset + 4),
        cookie: bytes.readUInt32LE(offset + 8),
        name: padded.toString("utf8", 0, nul < 0 ? padded.length : nul),
      });
      offset = end;
    }
    this.#rest = bytes.subarray(offset);
    return events;
  }
}

/** One inotify instance for the whole daemon: instances are few (128 a user), watches are many. */
export class Inotify {
  readonly #runtime: Runtime;
  readonly #onEvent: (event: InotifyEvent) => void;
  #fd: number | undefined;
  #source: ByteSource | undefined;

  constructor(runtime: Runtime, onEvent: (event: InotifyEvent) => void) {
    this.#runtime = runtime;
    this.#onEvent = onEvent;
  }

  /** The watch descriptor of a directory; undefined when there is no such directory any more. */
  add(path: string): number | undefined {
    const fd = this.#open();
    const name = Buffer.from(`${path}\0`);
    const wd = this.#runtime.libc.syscall(
      syscallNumber("inotifyAddWatch"),
      fd,
      name,
      wanted | onlyDirectories,
    );
    if (wd >= 0) return wd;
    if (wd === -28)
      throw exhausted("the limit of watched directories (fs.inotify.max_user_watches) is reached");
    return undefined;
  }

  remove(wd: number): void {
    if (this.#fd !== undefined) this.#runtime.libc.syscall(syscallNumber("inotifyRmWatch"), this.#fd, wd);
  }

  /** Gives the instance back when nothing is watched. */
  close(): void {
    this.#source?.close();
    this.#source = undefined;
    this.#fd = undefined;
  }

  #open(): number {
    if (this.#fd !== undefined) return this.#fd;
    const flags = openFlags.cloexec | openFlags.nonblock;
    const fd = this.#runtime.libc.syscall(syscallNumber("inotifyInit1"), flags);
    if (fd < 0) throw exhausted(`no inotify instance to be had (errno ${-fd})`);
    this.#fd = fd;
    this.#source = this.#runtime.readFd(fd);
    void this.#pump(this.#source);
    return fd;
  }

  async #pump(source: ByteSource): Promise<void> {
    const parser = new InotifyParser();
    for (;;) {
      const chunk = await source.read();
      if (!chunk) return;
      for (const event of parser.push(chunk)) this.#onEvent(event);
    }
  }
}

function exhausted(message: string): AppError {
  return new AppError({ code: "resource_exhausted", message });
}
