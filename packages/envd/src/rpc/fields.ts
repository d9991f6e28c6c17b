import { AppError } from "@sandbank/core/errors";

export type JsonObject = Record<string, unknown>;

/** A field by its camelCase or snake_case name, as protojson allows; null counts as absent. */
function field(object: JsonObject, name: string): unknown {
  const value = Object.hasOwn(object, name) ? object[name] : snakeField(object, name);
  return value === null ? undefined : value;
}

function snakeField(object: JsonObject, name: string): unknown {
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return snake !== name && Object.hasOwn(object, snake) ? object[snake] : undefined;
}

function wrong(name: string, expected: string): AppError {
  return new AppError({
    code: "invalid_argument",
    message: `invalid value for field ${name}: expected ${expected}`,
  });
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objectField(object: JsonObject, name: string): JsonObject | undefined {
  const value = field(object, name);
  if (value === undefined || isObject(value)) return value;
  throw wrong(name, "an object");
}

export function stringField(object: JsonObject, name: string): string | undefined {
  const value = field(object, name);
  if (value === undefined || typeof value === "string") return value;
  throw wrong(name, "a string");
}

export function boolField(object: JsonObject, name: string): boolean | undefined {
  const value = field(object, name);
  if (value === undefined || typeof value === "boolean") return value;
  throw wrong(name, "true or false");
}

/** An unsigned 32-bit integer; protojson takes it as text, too. */
export function intField(object: JsonObject, name: string): number | undefined {
  const value = field(object, name);
  if (value === undefined) return undefined;
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && number >= 0 && number <= 0xffffffff)
    return number;
  throw wrong(name, "an unsigned 32-bit integer");
}

export function stringListField(object: JsonObject, name: string): string[] {
  const value = field(object, name);
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw wrong(name, "a list of strings");
}

export function stringMapField(object: JsonObject, name: string): Record<string, string> {
  const value = field(object, name);
  if (value === undefined) return {};
  if (isObject(value) && Object.values(value).every((item) => typeof item === "string")) {
    return value as Record<string, string>;
  }
  throw wrong(name, "an object of strings");
}

/** Base64 of either alphabet, with or without padding; a Uint8Array (from the binary codec) passes as it is. */
export function bytesField(object: JsonObject, name: string): Uint8Array | undefined {
  const value = field(object, name);
  if (value === undefined || value instanceof Uint8Array) return value;
  if (typeof value !== "string" || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) throw wrong(name, "base64");
  const digits = value.replace(/=+$/, "").length;
  if (digits % 4 === 1 || (value.length !== digits && value.length % 4 !== 0)) throw wrong(name, "base64");
  return Buffer.from(value, "base64");
}

/** An enum by name or number; undefined when absent or unknown. */
export function enumField(
  object: JsonObject,
  name: string,
  values: Record<string, number>,
): number | undefined {
  const value = field(object, name);
  if (value === undefined || typeof value === "number") return value;
  if (typeof value === "string" && Object.hasOwn(values, value)) return values[value];
  throw wrong(name, "a name of its enum");
}
