import type { operations } from "@sandbank/protocol/gen/openapi";
import type { Team } from "@sandbank/store/teams";
import type { Volume } from "@sandbank/store/volumes";
import type { Caller } from "./authentication.ts";

/** The operations of the contract, as types: a handler that drifts from it does not compile. */
export type OperationId = keyof operations;

type HasBytes<T> = T extends { content: { "application/octet-stream": unknown } } ? true : false;
type JsonOf<T> = T extends { content: { "application/json": infer Body } } ? Body : undefined;
/** Bytes come as they arrive, everything else as a whole. */
type ContentOf<T> = HasBytes<T> extends true ? AsyncIterable<Uint8Array> : JsonOf<T>;
type PathOf<K extends OperationId> = operations[K]["parameters"]["path"];
type QueryOf<K extends OperationId> = operations[K]["parameters"]["query"];
type BodyOf<K extends OperationId> = operations[K] extends { requestBody: infer Request }
  ? ContentOf<Request>
  : operations[K] extends { requestBody?: infer Request }
    ? ContentOf<NonNullable<Request>>
    : undefined;

type HeaderOf<K extends OperationId> = operations[K]["parameters"]["header"];
/** As Node gives them: by lower-case name. */
type LowerCased<T> = { [Name in keyof T as Lowercase<Name & string>]: T[Name] };

/** A request that passed authentication and validation. */
export interface Call<K extends OperationId> {
  caller: Caller;
  /** The caller's, or the volume's. */
  team: Team;
  /** On routes that a volume's token opens: that volume. */
  volume: Volume;
  header: LowerCased<NonNullable<HeaderOf<K>>>;
  path: NonNullable<PathOf<K>>;
  query: NonNullable<QueryOf<K>>;
  /** An empty object when the operation takes a body and none was sent. */
  body: BodyOf<K>;
}

type Success = 200 | 201 | 204;

/** Bytes with their number known beforehand; fewer of them are an error of the stream. */
export interface BytesAnswer<Status> {
  status: Status;
  bytes: AsyncIterable<Uint8Array>;
  sizeBytes: number;
}

/** An answer of success; failures are thrown as AppErrors. */
export type Answer<K extends OperationId> = {
  [Status in Extract<keyof operations[K]["responses"], Success>]: HasBytes<
    operations[K]["responses"][Status]
  > extends true
    ? BytesAnswer<Status>
    : {
        status: Status;
        body: JsonOf<operations[K]["responses"][Status]>;
        headers?: Record<string, string>;
      };
}[Extract<keyof operations[K]["responses"], Success>];

export type Handler<K extends OperationId> = (call: Call<K>) => Promise<Answer<K>>;
export type Handlers = { [K in OperationId]?: Handler<K> };
