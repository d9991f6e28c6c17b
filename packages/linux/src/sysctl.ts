import { readFile, writeFile } from "node:fs/promises";

const fileOf = (name: string): string => `/proc/sys/${name.replaceAll(".", "/")}`;

/** A kernel setting of the host's namespace, e.g. `net.ipv4.ip_forward`. */
export const readSysctl = async (name: string): Promise<string> =>
  (await readFile(fileOf(name), "utf8")).trim();

export const writeSysctl = (name: string, value: string): Promise<void> => writeFile(fileOf(name), value);
