/** Aligned columns, one line per row; the first row is the titles. */
export function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** What `--json` prints. */
export const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
