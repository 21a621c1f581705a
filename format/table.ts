/**
 * Tables for terminals.
 *
 * @module
 */

import stringWidth from "string-width";

/** How a column looks. */
export interface Column {
  /** Heading; a table whose headings are all empty has no heading line. */
  readonly title: string;
  /** Default `left`. */
  readonly align?: "left" | "right";
  /** Widest that the column gets; longer cells are cut and end in `…`. */
  readonly max?: number;
}

/**
 * Rows as lines, columns two spaces apart, as wide as their widest cell. Width counts what a terminal shows: wide
 * characters are two columns, colours none.
 *
 * ```ts
 * import { table } from "./table.ts";
 * const text = table([{ title: "PROBE" }, { title: "HITS", align: "right" }], [["kprobe:vfs_open", "4"]]);
 * if (text !== "PROBE            HITS\nkprobe:vfs_open     4\n") throw new Error(text);
 * ```
 */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const titles = columns.map((column) => column.title);
  const all = titles.some((title) => title !== "") ? [titles, ...rows] : rows;
  const cells = all.map((row) => columns.map((column, i) => cut(row[i] ?? "", column.max ?? Infinity)));
  const widths = columns.map((_, i) => Math.max(0, ...cells.map((row) => stringWidth(row[i] ?? ""))));
  return cells.map((row) => {
    const line = row.map((cell, i) => align(cell, widths[i] ?? 0, columns[i]?.align ?? "left")).join("  ");
    return `${line.trimEnd()}\n`;
  }).join("");
}

function align(cell: string, width: number, side: "left" | "right"): string {
  const space = " ".repeat(Math.max(0, width - stringWidth(cell)));
  return side === "left" ? cell + space : space + cell;
}

function cut(cell: string, max: number): string {
  if (stringWidth(cell) <= max) return cell;
  let text = "";
  let width = 1;
  for (const character of cell) {
    width += stringWidth(character);
    if (width > max) break;
    text += character;
  }
  return `${text}…`;
}
