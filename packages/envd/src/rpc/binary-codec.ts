import {
  type DescMethod,
  type DescService,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { AppError } from "@sandbank/core/errors";
import { Filesystem } from "@sandbank/protocol/gen/filesystem_pb";
import { Process } from "@sandbank/protocol/gen/process_pb";
import type { Codec } from "./codec.ts";
import { isObject, type JsonObject } from "./fields.ts";
import { encodeFrame } from "./frames.ts";

const methodsOf = (service: DescService): [string, DescMethod][] =>
  service.methods.map((method) => [`/${service.typeName}/${method.name}`, method]);

const methods = new Map([...methodsOf(Process), ...methodsOf(Filesystem)]);

function find(path: string): DescMethod {
  const method = methods.get(path);
  if (method) return method;
  throw new AppError({ code: "unimplemented", message: `no such method: ${path}` });
}

/** Protocol buffers. Handlers are shared with JSON: messages pass through their protojson form. */
export const binaryCodec: Codec = {
  name: "proto",
  decode(path, bytes) {
    const { input } = find(path);
    let message: JsonValue;
    try {
      message = toJson(input, fromBinary(input, bytes));
    } catch (cause) {
      throw new AppError({ code: "invalid_argument", message: "the message is not valid protobuf", cause });
    }
    return isObject(message) ? message : {};
  },
  encode(path, message: JsonObject) {
    const { output } = find(path);
    return toBinary(output, fromJson(output, message as JsonValue));
  },
  outputFrame(kind, bytes) {
    const data = { [kind]: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") };
    return encodeFrame(0, binaryCodec.encode("/process.Process/Start", { event: { data } }));
  },
};
