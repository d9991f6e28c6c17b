import { AppError } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import type { Call } from "../rpc/call.ts";
import { bytesField, enumField, isObject, type JsonObject, objectField } from "../rpc/fields.ts";
import type { MessageStream } from "../rpc/message-stream.ts";
import type { Method } from "../rpc/method.ts";
import type { EndEvent } from "./events.ts";
import type { ManagedProcess } from "./managed-process.ts";
import type { ProcessManager } from "./process-manager.ts";
import { logProcess } from "./process-log.ts";
import { parseSize, parseStartRequest } from "./start-request.ts";

const signals = { SIGNAL_UNSPECIFIED: 0, SIGNAL_SIGTERM: 15, SIGNAL_SIGKILL: 9 };

/** The eight procedures of process.Process. */
export function processMethods(manager: ProcessManager, logger: Logger): [string, Method][] {
  const { table } = manager;
  const methods: Record<string, Method> = {
    List: { kind: "unary", run: () => ({ processes: manager.list().map(describe) }) },
    Start: {
      kind: "serverStream",
      run(input, call, stream) {
        const user = call.user();
        const process = manager.start(parseStartRequest(input), user);
        // In this order the stream ends with the deadline's error, and not with the end of a killed process.
        follow(process, stream, call);
        process.killAfter(call.timeoutMs);
        logProcess(process, user.name, logger);
      },
    },
    Connect: {
      kind: "serverStream",
      run: (input, call, stream) => follow(table.of(input), stream, call),
    },
    Update: {
      kind: "unary",
      run(input) {
        const process = table.of(input);
        const pty = objectField(input, "pty");
        if (pty && objectField(pty, "size")) {
          const { cols, rows } = parseSize(pty);
          process.resize(cols, rows);
        }
        return {};
      },
    },
    SendInput: {
      kind: "unary",
      async run(input) {
        await sendInput(manager, table.of(input), objectField(input, "input"));
        return {};
      },
    },
    StreamInput: { kind: "clientStream", run: (inputs) => streamInput(manager, inputs) },
    SendSignal: {
      kind: "unary",
      run(input) {
        const process = table.of(input);
        const signal = enumField(input, "signal", signals);
        if (signal !== 15 && signal !== 9) {
          throw new AppError({ code: "unimplemented", message: "only SIGTERM and SIGKILL can be sent" });
        }
        process.signal(signal === 9 ? "SIGKILL" : "SIGTERM");
        return {};
      },
    },
    CloseStdin: {
      kind: "unary",
      async run(input) {
        await table.of(input).closeStdin();
        return {};
      },
    },
  };
  return Object.entries(methods).map(([name, method]) => [`/process.Process/${name}`, method]);
}

function describe(process: ManagedProcess): JsonObject {
  const { config, tag } = process.info;
  return { config, pid: process.pid, ...(tag !== undefined && { tag }) };
}

const event = (content: JsonObject): JsonObject => ({ event: content });

/** Forwards a process's events to a client until either ends, or the deadline of the call passes. */
function follow(process: ManagedProcess, stream: MessageStream, call: Call): void {
  const detach = process.attach({
    start: (pid) => void stream.send(event({ start: { pid } })),
    data: (kind, bytes) => stream.sendOutput(kind, bytes),
    end: (end: EndEvent) => stream.end(event({ end })),
  });
  stream.keepAlive(event({ keepalive: {} }), call.keepaliveMs);
  stream.endAfter(call.timeoutMs, detach);
  void stream.closed.then(detach);
}

async function sendInput(
  manager: ProcessManager,
  process: ManagedProcess,
  input: JsonObject | undefined,
): Promise<void> {
  for (const kind of ["stdin", "pty"] as const) {
    const bytes = input && bytesField(input, kind);
    if (bytes) return await manager.input(process, kind, bytes);
  }
  throw new AppError({ code: "unimplemented", message: "input carries neither stdin nor pty" });
}

async function streamInput(manager: ProcessManager, inputs: AsyncIterable<JsonObject>): Promise<JsonObject> {
  let process: ManagedProcess | undefined;
  for await (const message of inputs) {
    const start = objectField(message, "start");
    const data = objectField(message, "data");
    if (start) process = manager.table.of(start);
    else if (data) {
      if (!process)
        throw new AppError({ code: "invalid_argument", message: "data before the start message" });
      await sendInput(manager, process, objectField(data, "input"));
    } else if (!isObject(message["keepalive"])) {
      throw new AppError({
        code: "unimplemented",
        message: "message carries neither start, data nor keepalive",
      });
    }
  }
  return {};
}
