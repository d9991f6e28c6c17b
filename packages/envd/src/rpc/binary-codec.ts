export { jsonCodec as binaryCodec } from "./codec.ts";
