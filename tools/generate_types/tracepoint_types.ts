/**
 * Types of tracepoint fields, from the C text of the format files.
 *
 * @module
 */

import type { TracepointField } from "../../image/model.ts";
import type { TypeWriter } from "./words.ts";

/** The TypeScript type of a record's field; `undefined` where probes cannot read it. */
export function fieldType(field: TracepointField, writer: TypeWriter): string | undefined {
  const text = field.type.replace(/\b(const|volatile|restrict|__user|struct|union)\b/g, " ").replace(
    /\s+/g,
    " ",
  ).trim();
  const dynamic = /^__(?:data|rel)_loc /.exec(text);
  const array = /^(.*?)\s*\[\w*\]$/.exec(dynamic === null ? text : text.slice(dynamic[0].length));
  if (array !== null) {
    if (isCharacter(array[1] ?? "")) return "string";
    return dynamic === null ? "CArray<number>" : undefined;
  }
  if (dynamic !== null) return undefined;
  if (text.endsWith("*")) return pointerType(text.slice(0, -1).trim(), writer);
  return text === "bool" || text === "_Bool" ? "boolean" : "number";
}

function isCharacter(text: string): boolean {
  return text === "char" || text === "unsigned char";
}

function pointerType(to: string, writer: TypeWriter): string {
  if (isCharacter(to)) return "string";
  if (to === "void" || to.endsWith("*") || /^enum /.test(to)) return "Address";
  const reached = writer.reach(to);
  if (reached !== undefined) return `Ptr<${reached}>`;
  return /^(unsigned|signed|int|long|short|u?int\d+_t|_*[us]\d+|size_t|loff_t)\b/.test(to)
    ? "PtrTo<number>"
    : "Address";
}
