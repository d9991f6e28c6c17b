import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { type Operation, operationsOf, readContract } from "../http/contract.ts";

const document = readContract();
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
addFormats.default(ajv);
ajv.addVocabulary(Object.keys(document));
ajv.addSchema(document, "openapi", undefined, false);

const jsonType = "application/json";
const escapePointer = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

interface KnownOperation {
  operation: Operation;
  pattern: RegExp;
  validators: Map<number, ValidateFunction | undefined>;
}

function validatorsOf(path: string, method: string): Map<number, ValidateFunction | undefined> {
  const item = document.paths[path] as Record<
    string,
    { responses: Record<string, { $ref?: string; content?: object }> }
  >;
  const responses = item[method]?.responses ?? {};
  return new Map(
    Object.entries(responses).map(([status, response]) => {
      const pointer = response.$ref
        ? response.$ref.slice(1)
        : `/paths/${escapePointer(path)}/${method}/responses/${status}`;
      const hasBody =
        response.$ref !== undefined || (response.content !== undefined && jsonType in response.content);
      const schema = { $ref: `openapi#${pointer}/content/application~1json/schema` };
      return [Number(status), hasBody ? ajv.compile(schema) : undefined];
    }),
  );
}

const known: KnownOperation[] = operationsOf(document)
  // Fixed segments win over parameters, as in the router.
  .sort((a, b) => a.url.split(":").length - b.url.split(":").length)
  .map((operation) => ({
    operation,
    pattern: new RegExp(`^${operation.url.replaceAll(/:\w+/g, "[^/]+")}$`),
    validators: validatorsOf(operation.url.replaceAll(/:(\w+)/g, "{$1}"), operation.method.toLowerCase()),
  }));

/** Throws when an answer has a status or body that the contract does not give for the operation. */
export function checkAgainstContract(method: string, path: string, status: number, body: unknown): void {
  const plain = path.split("?", 1)[0] ?? "";
  const found = known.find((each) => each.operation.method === method && each.pattern.test(plain));
  if (!found) return;
  const where = `${method} ${path} answered ${status}`;
  // Operations that are not there yet still refuse strangers and malformed paths.
  if (!found.validators.has(status)) {
    if (found.operation.notYet && status < 500) return;
    throw new Error(`${where}, which the contract does not list: ${JSON.stringify(body)}`);
  }
  const validate = found.validators.get(status);
  if (!validate) {
    if (body !== undefined) throw new Error(`${where} with a body`);
    return;
  }
  if (!validate(body)) throw new Error(`${where} with a wrong body: ${ajv.errorsText(validate.errors)}`);
}
