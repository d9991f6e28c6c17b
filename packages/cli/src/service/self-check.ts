import { AppError } from "@sandbank/core/errors";
import { jsonFrame, jsonFrames } from "@sandbank/protocol/connect-frames";
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
    body: jsonFrame({ process: { cmd: "/bin/bash", args: ["-l", "-c", "echo test"] }, stdin: false }),
    signal: AbortSignal.timeout(30_000),
  });
  const answer = Buffer.from(await response.arrayBuffer());
  if (!response.ok) {
    throw new AppError({
      code: "internal",
      message: `self-check: \`echo test\` gives ${response.status}: ${answer.toString()}`,
    });
  }
  return jsonFrames<ProcessMessage>(answer)
    .map((message) => Buffer.from(message.event?.data?.stdout ?? "", "base64").toString())
    .join("");
}

interface ProcessMessage {
  event?: { data?: { stdout?: string } };
}
