import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { AppError } from "@sandbank/core/errors";
import type { ApiDocument, Operation, Parameter } from "./contract.ts";

/** Checks a request's parts; throws `invalid_argument` naming the field. Query and path values are converted in place. */
export interface OperationValidator {
  path(values: unknown): void;
  query(values: unknown): void;
  /** Takes headers by their lower-case names. */
  header(values: unknown): void;
  body(value: unknown): void;
}

const documentId = "openapi";

function newAjv(document: ApiDocument, coerceTypes: boolean): Ajv2020 {
  const ajv = new Ajv2020({ coerceTypes, useDefaults: true, strict: true, allowUnionTypes: true });
  // The package is CommonJS: its default export is the module itself for an importer of this kind.
  addFormats.default(ajv);
  // The whole document is what pointers lead into. It is no JSON schema, so its own members count as keywords.
  ajv.addVocabulary(Object.keys(document));
  return ajv.addSchema(document, documentId, undefined, false);
}

function fieldOf(error: ErrorObject): string {
  const parts = error.instancePath.split("/").slice(1);
  const missing: unknown = error.params["missingProperty"];
  if (typeof missing === "string") parts.push(missing);
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~")).join(".");
}

function describe(where: string, error: ErrorObject): string {
  const field = fieldOf(error);
  const subject = field === "" ? where : `${where} field "${field}"`;
  if (error.keyword === "required") return `${subject} is required`;
  if (error.keyword === "enum") {
    return `${subject} must be one of ${(error.params["allowedValues"] as unknown[]).join(", ")}`;
  }
  return `${subject} ${error.message ?? "is invalid"}`;
}

function checker(where: string, validate: ValidateFunction): (value: unknown) => void {
  return (value) => {
    if (validate(value)) return;
    const error = validate.errors?.[0];
    const problem = error ? describe(where, error) : `${where} is invalid`;
    throw new AppError({ code: "invalid_argument", message: `validation error: ${problem}` });
  };
}

/** Node gives header names in lower case. */
const nameOf = ({ name, in: place }: Parameter): string => (place === "header" ? name.toLowerCase() : name);

/** Compiles validators for operations of one document. Throws when the document's schemas are not valid. */
export function validatorFactory(document: ApiDocument): (operation: Operation) => OperationValidator {
  // Text in URLs is converted to numbers; a body says what it means, so "5" is no number there.
  const [forUrls, forBodies] = [newAjv(document, true), newAjv(document, false)];
  // Most operations share their few sets of parameters, and compiling is what takes the time at start.
  const compiled = new Map<string, ValidateFunction>();
  const ofParameters = (operation: Operation, place: "path" | "query" | "header") => {
    const parameters = operation.parameters.filter((parameter) => parameter.in === place);
    if (parameters.length === 0) return () => undefined;
    const schema = {
      type: "object",
      properties: Object.fromEntries(parameters.map((each) => [nameOf(each), each.schema])),
      required: parameters.filter((parameter) => parameter.required).map(nameOf),
    };
    const text = JSON.stringify(schema);
    const validate = compiled.get(text) ?? forUrls.compile(schema);
    compiled.set(text, validate);
    return checker(place, validate);
  };
  return (operation) => ({
    path: ofParameters(operation, "path"),
    query: ofParameters(operation, "query"),
    header: ofParameters(operation, "header"),
    body:
      operation.bodyPointer === undefined
        ? () => undefined
        : checker("body", forBodies.compile({ $ref: `${documentId}#${operation.bodyPointer}` })),
  });
}
