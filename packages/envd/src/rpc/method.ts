import type { Call } from "./call.ts";
import type { JsonObject } from "./fields.ts";
import type { MessageStream } from "./message-stream.ts";

/** A procedure; messages are in protojson form whatever the codec. */
export type Method =
  | { kind: "unary"; run: (input: JsonObject, call: Call) => JsonObject | Promise<JsonObject> }
  | {
      kind: "serverStream";
      run: (input: JsonObject, call: Call, stream: MessageStream) => void | Promise<void>;
    }
  | { kind: "clientStream"; run: (inputs: AsyncIterable<JsonObject>, call: Call) => Promise<JsonObject> };

/** By path, such as `/process.Process/List`. */
export type MethodTable = ReadonlyMap<string, Method>;
