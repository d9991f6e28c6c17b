import { AppError } from "@sandbank/core/errors";

export const sandboxNotFound = (sandboxId: string): AppError =>
  new AppError({ code: "not_found", message: `Sandbox "${sandboxId}" was not found` });

export const sandboxEnding = (sandboxId: string): AppError =>
  new AppError({ code: "conflict", message: `Sandbox "${sandboxId}" is being killed` });

export const notAvailableYet = (what: string): AppError =>
  new AppError({ code: "unimplemented", message: `${what} is not available yet` });
