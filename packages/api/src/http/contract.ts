import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** The parts of spec/openapi.yml that routing and validation read. */
export interface ApiDocument {
  paths: Record<string, PathItem>;
  components: { parameters: Record<string, Parameter> };
}

type Method = "get" | "post" | "put" | "patch" | "delete";
type PathItem = { parameters?: (Parameter | Reference)[] } & Partial<Record<Method, OperationObject>>;

interface Reference {
  $ref: string;
}

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required?: boolean;
  schema: Record<string, unknown>;
}

interface OperationObject {
  operationId: string;
  parameters?: (Parameter | Reference)[];
  requestBody?: { required?: boolean; content: Record<string, unknown> };
  security?: Record<string, unknown>[];
  "x-not-yet"?: boolean;
}

/** One operation of the contract, ready to be registered. */
export interface Operation {
  id: string;
  method: Uppercase<Method>;
  /** In Fastify's notation: `/sandboxes/:sandboxID`. */
  url: string;
  parameters: Parameter[];
  /** JSON pointer of the body's schema in the document. */
  bodyPointer: string | undefined;
  bodyRequired: boolean;
  /** Whether the body is bytes, handed on as they arrive. */
  takesBytes: boolean;
  /** Who may ask: anybody, a team with one of its keys, whoever has a volume's token, or the operator. */
  access: "anybody" | "team" | "volume" | "operator";
  notYet: boolean;
}

const methods: Method[] = ["get", "post", "put", "patch", "delete"];

/** Reads the contract from the repository. */
export function readContract(): ApiDocument {
  const file = new URL("../../../../spec/openapi.yml", import.meta.url);
  return parse(readFileSync(file, "utf8")) as ApiDocument;
}

function resolveParameter(document: ApiDocument, parameter: Parameter | Reference): Parameter {
  if (!("$ref" in parameter)) return parameter;
  const name = parameter.$ref.replace("#/components/parameters/", "");
  const found = document.components.parameters[name];
  if (!found) throw new Error(`the contract has no parameter ${parameter.$ref}`);
  return found;
}

const escapePointer = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

function accessOf({ security }: OperationObject): Operation["access"] {
  if (security?.length === 0) return "anybody";
  const isBy = (name: string): boolean => security?.some((scheme) => name in scheme) === true;
  if (isBy("VolumeToken")) return "volume";
  return isBy("AdminToken") ? "operator" : "team";
}

/** Every operation of the contract. */
export function operationsOf(document: ApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      if (!operation) return [];
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
      const content = operation.requestBody?.content ?? {};
      const pointer = `/paths/${escapePointer(path)}/${method}/requestBody/content/application~1json/schema`;
      return [
        {
          id: operation.operationId,
          method: method.toUpperCase() as Uppercase<Method>,
          url: path.replaceAll(/\{(\w+)\}/g, ":$1"),
          parameters: parameters.map((parameter) => resolveParameter(document, parameter)),
          bodyPointer: "application/json" in content ? pointer : undefined,
          takesBytes: "application/octet-stream" in content,
          bodyRequired: operation.requestBody?.required === true,
          access: accessOf(operation),
          notYet: operation["x-not-yet"] === true,
        },
      ];
    }),
  );
}
