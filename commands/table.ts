/**
 * Plain tables: columns as wide as their widest cell, numbers to the right.
 *
 * @module
 */

/** A table with a head, one line per row, ending in a newline. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const right = head.map((_, column) =>
    rows.length > 0 && rows.every((row) => typeof row[column] === "number")
  );
  const lines = cells.map((row) =>
    row.map((cell, column) => right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))
      .join("  ").trimEnd()
  );
  return `${lines.join("\n")}\n`;
}
