import type { operations } from "@sandbank/protocol/gen/openapi";
import type { Team } from "@sandbank/store/teams";
import type { Caller } from "./authentication.ts";

/** The operations of the contract, as types: a handler that drifts from it does not compile. */
export type OperationId = keyof operations;

type JsonOf<T> = T extends { content: { "application/json": infer Body } } ? Body : undefined;
type PathOf<K extends OperationId> = operations[K]["parameters"]["path"];
type QueryOf<K extends OperationId> = operations[K]["parameters"]["query"];
type BodyOf<K extends OperationId> = operations[K] extends { requestBody: infer Request }
  ? JsonOf<Request>
  : operations[K] extends { requestBody?: infer Request }
    ? JsonOf<NonNullable<Request>>
    : undefined;

type HeaderOf<K extends OperationId> = operations[K]["parameters"]["header"];
/** As Node gives them: by lower-case name. */
type LowerCased<T> = { [Name in keyof T as Lowercase<Name & string>]: T[Name] };

/** A request that passed authentication and validation. */
export interface Call<K extends OperationId> {
  caller: Caller;
  /** The caller's. */
  team: Team;
  header: LowerCased<NonNullable<HeaderOf<K>>>;
  path: NonNullable<PathOf<K>>;
  query: NonNullable<QueryOf<K>>;
  /** An empty object when the operation takes a body and none was sent. */
  body: BodyOf<K>;
}

type Success = 200 | 201 | 204;

/** An answer of success; failures are thrown as AppErrors. */
export type Answer<K extends OperationId> = {
  [Status in Extract<keyof operations[K]["responses"], Success>]: {
    status: Status;
    body: JsonOf<operations[K]["responses"][Status]>;
    headers?: Record<string, string>;
  };
}[Extract<keyof operations[K]["responses"], Success>];

export type Handler<K extends OperationId> = (call: Call<K>) => Promise<Answer<K>>;
export type Handlers = { [K in OperationId]?: Handler<K> };
