import { expect, test } from "vitest";
import { AppError, errorText, toAppError } from "./errors.ts";

test("a foreign error becomes internal and keeps its text for operators only", () => {
  const app = toAppError(new Error("ENOSPC /secret/path"));
  expect(app).toMatchObject({ code: "internal", message: "internal error", detail: "ENOSPC /secret/path" });
  expect(toAppError(app)).toBe(app);
});

test("errorText walks the causes, outermost first", () => {
  const cause = new AppError({ code: "internal", message: "ip failed", detail: "exit code 2" });
  const error = new AppError({ code: "unavailable", message: "no slot", cause });
  expect(errorText(error)).toBe("no slot: ip failed (exit code 2)");
});
