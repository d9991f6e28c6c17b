import { AppError } from "@sandbank/core/errors";
import { envdPort, headers } from "@sandbank/protocol/headers";
import { callLocalApi, type LocalApi } from "./local-api.ts";

export interface SelfCheckTarget extends LocalApi {
  proxyUrl: string;
}

interface CreatedSandbox {
  sandboxID: string;
  envdAccessToken?: string;
}

/** Does what a user does first: creates a sandbox, runs `echo test` in it through the proxy, kills it. */
export async function selfCheck(target: SelfCheckTarget): Promise<void> {
  const sandbox = (await callLocalApi(target, "POST", "/v2/sandboxes", {
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
    await callLocalApi(target, "DELETE", `/sandboxes/${sandbox.sandboxID}`);
  }
}

/** The SDKs' own call for `commands.run("echo test")`; gives what it printed. */
async function echo(target: SelfCheckTarget, sandbox: CreatedSandbox): Promise<string> {
  const response = await fetch(`${target.proxyUrl}/process.Process/Start`, {
    method: "POST",
    headers: {
      [headers.sandboxId]: sandbox.sandboxID,
      [headers.sandboxPort]: String(envdPort),
      ...(sandbox.envdAccessToken ? { [headers.accessToken]: sandbox.envdAccessToken } : {}),
      "connect-protocol-version": "1",
      "content-type": "application/connect+json",
    },
    body: frame({ process: { cmd: "/bin/bash", args: ["-l", "-c", "echo test"] }, stdin: false }),
    signal: AbortSignal.timeout(30_000),
  });
  const answer = Buffer.from(await response.arrayBuffer());
  if (!response.ok) {
    throw new AppError({
      code: "internal",
      message: `self-check: \`echo test\` gives ${response.status}: ${answer.toString()}`,
    });
  }
  return frames(answer)
    .map((message) => Buffer.from(message.event?.data?.stdout ?? "", "base64").toString())
    .join("");
}

interface ProcessMessage {
  event?: { data?: { stdout?: string } };
}

/** Connect's envelope: flags, length, JSON. */
function frame(message: unknown): Buffer<ArrayBuffer> {
  const text = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, text]);
}

function frames(bytes: Buffer): ProcessMessage[] {
  const messages: ProcessMessage[] = [];
  for (let at = 0; at + 5 <= bytes.length;) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    messages.push(JSON.parse(bytes.toString("utf8", at + 5, end)) as ProcessMessage);
    at = end;
  }
  return messages;
}
