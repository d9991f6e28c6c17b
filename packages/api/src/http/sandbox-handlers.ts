import { AppError } from "@sandbank/core/errors";
import { headers } from "@sandbank/protocol/headers";
import type { ControlPlane } from "../control-plane.ts";
import { createSandboxOnce, requestHash } from "../use-cases/create-once.ts";
import { createSandbox } from "../use-cases/create-sandbox.ts";
import { killSandbox } from "../use-cases/end-sandbox.ts";
import {
  type VisibleState,
  getSandbox,
  listAllRunning,
  listSandboxes,
  visibleStates,
} from "../use-cases/find-sandboxes.ts";
import { readNewSandbox } from "../use-cases/new-sandbox.ts";
import { connectSandbox, refreshSandbox, setSandboxTimeout } from "../use-cases/sandbox-time.ts";
import { updateNetwork } from "../use-cases/update-network.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { parseMetadataFilter } from "./metadata-filter.ts";
import type { Answer, Call, Handlers } from "./operation-types.ts";
import { detailView, listedView, sandboxView } from "./sandbox-views.ts";

const defaultTimeoutSec = { v1: 15, v2: 300 };

/** Old clients add the client id to the sandbox id. */
const sandboxIdOf = (path: { sandboxID: string }): string => path.sandboxID.split("-", 1)[0] ?? "";

function parseStates(text: string | undefined): VisibleState[] {
  const asked = text?.split(",");
  return visibleStates.filter((state) => !asked || asked.includes(state));
}

function parseTime(field: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  // The contract's format allows leap seconds, which have no place on this clock.
  throw new AppError({
    code: "invalid_argument",
    message: `validation error: query field "${field}" is no point in time`,
  });
}

async function listV2(
  plane: ControlPlane,
  { team, query }: Call<"listSandboxesV2">,
): Promise<Answer<"listSandboxesV2">> {
  const order = query.order ?? "desc";
  const page = await listSandboxes(plane, team, {
    states: parseStates(query.state),
    metadata: parseMetadataFilter(query.metadata),
    order,
    limit: query.limit ?? 100,
    after: decodeCursor(query.nextToken, order),
    startedAfterMs: parseTime("startedAfter", query.startedAfter),
    template: query.template,
  });
  return {
    status: 200,
    body: page.sandboxes.map(listedView),
    headers: {
      [headers.totalRunning]: String(page.totalRunning),
      ...(page.next ? { [headers.nextToken]: encodeCursor(page.next, order) } : {}),
    },
  };
}

function lifecycleHandlers(plane: ControlPlane): Handlers {
  const { v1, v2 } = defaultTimeoutSec;
  return {
    async createSandbox({ team, body }) {
      const wanted = readNewSandbox(body, { timeoutSec: v1, secure: body.secure ?? true });
      return { status: 201, body: sandboxView(plane, await createSandbox(plane, team, wanted)) };
    },
    async createSandboxV2({ team, body, header }) {
      const wanted = readNewSandbox(body, { timeoutSec: v2, secure: true });
      const key = header["idempotency-key"];
      const record =
        key === undefined
          ? await createSandbox(plane, team, wanted)
          : await createSandboxOnce(plane, team, wanted, { key, hash: requestHash(body) });
      return { status: 201, body: sandboxView(plane, record) };
    },
    async connectSandbox({ team, path, body }) {
      const record = await connectSandbox(plane, team, sandboxIdOf(path), body.timeout);
      return { status: 200, body: sandboxView(plane, record) };
    },
    async connectSandboxV2({ team, path, body }) {
      const record = await connectSandbox(plane, team, sandboxIdOf(path), body?.timeout ?? v2);
      return { status: 200, body: sandboxView(plane, record) };
    },
    async setSandboxTimeout({ team, path, body }) {
      await setSandboxTimeout(plane, team, sandboxIdOf(path), body.timeout);
      return { status: 204, body: undefined };
    },
    async refreshSandbox({ team, path, body }) {
      await refreshSandbox(plane, team, sandboxIdOf(path), body?.duration ?? 0);
      return { status: 204, body: undefined };
    },
    async setSandboxNetwork({ team, path, body }) {
      await updateNetwork(plane, team, sandboxIdOf(path), body);
      return { status: 204, body: undefined };
    },
    async killSandbox({ team, path }) {
      await killSandbox(plane, team.id, sandboxIdOf(path));
      return { status: 204, body: undefined };
    },
  };
}

/** Handlers of everything under `/sandboxes`. */
export function sandboxHandlers(plane: ControlPlane): Handlers {
  return {
    ...lifecycleHandlers(plane),
    listSandboxesV2: (call) => listV2(plane, call),
    async listSandboxes({ team, query }) {
      const records = await listAllRunning(plane, team, parseMetadataFilter(query.metadata));
      return { status: 200, body: records.map(listedView) };
    },
    async getSandbox({ team, path }) {
      return { status: 200, body: detailView(plane, await getSandbox(plane, team, sandboxIdOf(path))) };
    },
  };
}
