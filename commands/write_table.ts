/**
 * Tables as a command's output.
 *
 * @module
 */

import type { Column } from "../format/table.ts";
import type { CommandContext } from "./context.ts";

/** A column of numbers. */
export function rightColumn(title: string): Column {
  return { title, align: "right" };
}

/** Writes a table. What measures its cells is loaded only here: most runs print none. */
export async function writeTable(
  context: CommandContext,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  const { table } = await import("../format/table.ts");
  context.out.write(table(columns, rows));
}
