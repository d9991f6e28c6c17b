import { expect, test } from "vitest";
import { poll, withTimeout } from "./deadline.ts";

test("poll gives the first value, or undefined when the time is over", async () => {
  let calls = 0;
  expect(await poll(() => (++calls === 3 ? "ready" : undefined), { timeoutMs: 1_000 })).toBe("ready");
  expect(await poll(() => undefined, { timeoutMs: 10 })).toBeUndefined();
});

test("poll stops when it is aborted and lets errors through", async () => {
  const aborted = AbortSignal.abort(new Error("gone"));
  await expect(poll(() => undefined, { timeoutMs: 1_000, signal: aborted })).rejects.toThrow("gone");
  const failing = (): undefined => {
    throw new Error("unreadable");
  };
  await expect(poll(failing, { timeoutMs: 1_000 })).rejects.toThrow("unreadable");
});

test("withTimeout names what was late and aborts it", async () => {
  let aborted = false;
  const never = (signal: AbortSignal): Promise<void> => {
    signal.addEventListener("abort", () => {
      aborted = true;
    });
    return new Promise(() => undefined);
  };
  await expect(withTimeout("the canary", 10, never)).rejects.toMatchObject({
    code: "deadline_exceeded",
    message: "the canary did not finish within 10 ms",
  });
  expect(aborted).toBe(true);
});
