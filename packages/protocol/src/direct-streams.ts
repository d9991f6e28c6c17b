import {
  type DescMessage,
  type DescMethodStreaming,
  type DescService,
  type MessageInitShape,
  type MessageShape,
  create,
} from "@bufbuild/protobuf";
import {
  ConnectError,
  type HandlerContext,
  type ServiceImpl,
  type StreamResponse,
  type Transport,
  createHandlerContext,
} from "@connectrpc/connect";

type Outputs<O extends DescMessage> = AsyncIterable<MessageInitShape<O>> | Promise<MessageInitShape<O>>;

/**
 * `transport`, with the streams of one service led straight to its implementation in this process: their messages arrive
 * as they are, instead of being written and read again, which would copy every byte of a file four times. Messages must not be changed after
 * they were sent. Implementations throw ConnectErrors.
 */
export function withDirectStreams<S extends DescService>(
  transport: Transport,
  service: S,
  implementation: ServiceImpl<S>,
): Transport {
  const methods = implementation as Record<string, (input: unknown, context: HandlerContext) => unknown>;
  return {
    unary: (...call) => transport.unary(...call),
    async stream<I extends DescMessage, O extends DescMessage>(
      method: DescMethodStreaming<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: Parameters<Transport["stream"]>[3],
      input: AsyncIterable<MessageInitShape<I>>,
    ): Promise<StreamResponse<I, O>> {
      const context = createHandlerContext({
        service,
        method,
        protocolName: "direct",
        requestMethod: "POST",
        url: `/${service.typeName}/${method.name}`,
        ...(timeoutMs !== undefined && { timeoutMs }),
        ...(signal && { requestSignal: signal }),
        ...(header && { requestHeader: header }),
      });
      const inputs = messagesOf(method.input, input);
      const request = method.methodKind === "server_streaming" ? (await inputs.next()).value : inputs;
      const outputs = methods[method.localName]?.(request, context) as Outputs<O>;
      const message = answersOf(method.output, outputs, context);
      return { stream: true, service, method, header: new Headers(), trailer: new Headers(), message };
    },
  };
}

async function* messagesOf<M extends DescMessage>(
  schema: M,
  items: AsyncIterable<MessageInitShape<M>>,
): AsyncGenerator<MessageShape<M>> {
  for await (const item of items) yield create(schema, item);
}

async function* answersOf<O extends DescMessage>(
  schema: O,
  outputs: Outputs<O>,
  context: HandlerContext & { abort(): void },
): AsyncGenerator<MessageShape<O>> {
  try {
    if (outputs instanceof Promise) yield create(schema, await outputs);
    else yield* messagesOf(schema, outputs);
    // An implementation that stops at its deadline has not given everything.
    if (context.signal.aborted) throw ConnectError.from(context.signal.reason);
  } finally {
    context.abort();
  }
}
