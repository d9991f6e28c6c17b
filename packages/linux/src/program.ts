import { accessSync, constants } from "node:fs";
import { systemPath } from "./command.ts";

/** Absolute path of a program in the administrator's PATH; undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  return systemPath
    .split(":")
    .map((directory) => `${directory}/${name}`)
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
