import type { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { Splice } from "@sandbank/linux/splice";

/** Smaller bodies are through before the kernel's way is set up. */
const leastBytes = 1024 * 1024;
/** Bodies on the kernel's way at a time; each takes four descriptors. */
const mostRelays = 256;

/** What Node keeps of a connection. There is no public way to its descriptor. */
interface SocketHandle {
  fd: number;
  readStop(): number;
}

const handleOf = (socket: Socket): SocketHandle | undefined =>
  (socket as unknown as { _handle: SocketHandle | null })._handle ?? undefined;

let running = 0;

/**
 * Moves the body of an answer from the service's connection to the client's inside the kernel: a fifth of the processor
 * time that it takes through JavaScript, and no garbage. Both connections are plain TCP, and the body has a length.
 */
export class KernelRelay {
  readonly #answer: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #service: Socket;
  readonly #client: Socket;
  readonly #length: number;
  readonly #done: (error: Error | undefined) => void;
  #splice: Splice | undefined;
  #over = false;

  /**
   * Call while the answer's head is being handed out, before anybody reads its body; the response's head has been
   * written. Undefined when this answer has to go through JavaScript. `done` is called at most once, without an error
   * when the whole body has been taken by the client's connection; the service's connection can't be used again.
   */
  static start(
    answer: IncomingMessage,
    response: ServerResponse,
    done: (error: Error | undefined) => void,
  ): KernelRelay | undefined {
    const length = Number(answer.headers["content-length"] ?? 0);
    const { socket: client } = response;
    const fits =
      length >= leastBytes &&
      running < mostRelays &&
      (answer.statusCode === 200 || answer.statusCode === 206) &&
      response.req.method !== "HEAD" &&
      response.req.complete &&
      isPlain(client) &&
      isPlain(answer.socket);
    return fits ? new KernelRelay(answer, response, client, length, done) : undefined;
  }

  private constructor(
    answer: IncomingMessage,
    response: ServerResponse,
    client: Socket,
    length: number,
    done: (error: Error | undefined) => void,
  ) {
    this.#answer = answer;
    this.#response = response;
    this.#service = answer.socket;
    this.#client = client;
    this.#length = length;
    this.#done = done;
    running++;
    // What came together with the head is parsed before the next tick, and nothing else is read before it.
    process.nextTick(() => this.#takeOver());
  }

  /** Bytes of the body that went past Node's counters. */
  get moved(): number {
    return this.#splice?.moved ?? 0;
  }

  /** Lets go of both connections. No effect when it is over. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    running--;
    this.#splice?.cancel();
  }

  #takeOver(): void {
    if (this.#over) return;
    const handle = handleOf(this.#service);
    if (!handle) {
      this.#end(new Error("the service's connection is gone"));
      return;
    }
    this.#service.pause();
    handle.readStop();
    // Taking what has been read must not make Node read on.
    this.#answer._read = () => undefined;
    this.#service._read = () => undefined;
    let left = this.#length;
    for (const part of [this.#answer.read(), this.#service.read()] as (Buffer | null)[]) {
      if (!part) continue;
      left -= part.length;
      this.#response.write(part);
    }
    this.#response.flushHeaders();
    // Called when everything before it has been taken by the kernel.
    this.#client.write("", () => this.#moveRest(left));
  }

  #moveRest(length: number): void {
    if (this.#over) return;
    const [service, client] = [handleOf(this.#service), handleOf(this.#client)];
    if (!service || !client) {
      this.#end(new Error("a connection is gone"));
      return;
    }
    try {
      const sockets = { source: service.fd, target: client.fd, length };
      this.#splice = new Splice(sockets, (error) => this.#end(error));
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #end(error: Error | undefined): void {
    if (this.#over) return;
    this.cancel();
    this.#done(error);
  }
}

function isPlain(socket: Socket | null): socket is Socket {
  if (!(socket instanceof Socket) || socket instanceof TLSSocket) return false;
  const handle = handleOf(socket);
  return handle !== undefined && handle.fd >= 0 && typeof handle.readStop === "function";
}
