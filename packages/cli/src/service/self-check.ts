import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AppError } from "@sandbank/core/errors";
import { Process } from "@sandbank/protocol/gen/process_pb";
import { envdPort, headers } from "@sandbank/protocol/headers";

export interface SelfCheckTarget {
  apiUrl: string;
  proxyUrl: string;
  apiKey: string;
}

interface CreatedSandbox {
  sandboxID: string;
  envdAccessToken?: string;
}

/** Does what a user does first: creates a sandbox, runs `echo test` in it through the proxy, kills it. */
export async function selfCheck(target: SelfCheckTarget): Promise<void> {
  const sandbox = (await callApi(target, "POST", "/v2/sandboxes", {
    templateID: "base",
    timeout: 60,
    metadata: { sandbank: "self-check" },
  })) as CreatedSandbox;
  try {
    const output = await echo(target, sandbox);
    if (output !== "test\n") {
      throw new AppError({
        code: "internal",
        message: `self-check: \`echo test\` printed ${JSON.stringify(output)}`,
      });
    }
  } finally {
    await callApi(target, "DELETE", `/sandboxes/${sandbox.sandboxID}`);
  }
}

async function callApi(
  target: SelfCheckTarget,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const response = await fetch(`${target.apiUrl}${path}`, {
    method,
    headers: { [headers.apiKey]: target.apiKey, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new AppError({
      code: "internal",
      message: `self-check: ${method} ${path} gives ${response.status}: ${text}`,
    });
  }
  return text ? JSON.parse(text) : undefined;
}

async function echo(target: SelfCheckTarget, sandbox: CreatedSandbox): Promise<string> {
  const transport = createConnectTransport({
    baseUrl: target.proxyUrl,
    httpVersion: "1.1",
    interceptors: [
      (next) => (request) => {
        request.header.set(headers.sandboxId, sandbox.sandboxID);
        request.header.set(headers.sandboxPort, String(envdPort));
        if (sandbox.envdAccessToken) request.header.set(headers.accessToken, sandbox.envdAccessToken);
        return next(request);
      },
    ],
  });
  const stream = createClient(Process, transport).start(
    { process: { cmd: "/bin/bash", args: ["-l", "-c", "echo test"] }, stdin: false },
    { timeoutMs: 30_000 },
  );
  let output = "";
  for await (const { event } of stream) {
    if (event?.event.case !== "data") continue;
    const { output: piece } = event.event.value;
    if (piece.case === "stdout") output += Buffer.from(piece.value).toString();
  }
  return output;
}
