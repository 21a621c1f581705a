/**
 * The types that an argument of a probe event can have: `probe_fetch_types`.
 *
 * @module
 */

import { isErrno, kstrtoul } from "./kstrto.ts";

/** How a value is printed. */
export type PrintKind = "unsigned" | "signed" | "hex" | "symbol" | "string";

/** One type. The same name gives the same object, so types compare by identity. */
export interface FetchType {
  readonly name: string;
  /** Bytes in the record. */
  readonly size: 1 | 2 | 4 | 8;
  readonly signed: boolean;
  readonly print: PrintKind;
  /** Its conversion in `print fmt`. */
  readonly format: string;
  /** Its C type in the format file. */
  readonly fieldType: string;
}

/** The table of one word size, by name. */
function table(wordSize: 4 | 8): ReadonlyMap<string, FetchType> {
  const types: FetchType[] = [];
  for (const name of ["string", "ustring", "symstr"]) {
    types.push({
      name,
      size: 4,
      signed: true,
      print: "string",
      format: '\\"%s\\"',
      fieldType: "__data_loc char[]",
    });
  }
  for (const size of [1, 2, 4, 8] as const) {
    const bits = size * 8;
    const long = size === 8 ? "L" : "";
    const common = { size, signed: false };
    types.push(
      { ...common, name: `u${bits}`, print: "unsigned", format: `%${long}u`, fieldType: `u${bits}` },
      {
        ...common,
        name: `s${bits}`,
        signed: true,
        print: "signed",
        format: `%${long}d`,
        fieldType: `s${bits}`,
      },
      { ...common, name: `x${bits}`, print: "hex", format: `0x%${long}x`, fieldType: `u${bits}` },
    );
  }
  types.push({
    name: "symbol",
    size: wordSize,
    signed: false,
    print: "symbol",
    format: "%pS",
    fieldType: `u${wordSize * 8}`,
  });
  return new Map(types.map((type) => [type.name, type]));
}

const TYPES = { 4: table(4), 8: table(8) };

/** `find_fetch_type`: by its name (`b4@8/32` is a `u32`), the default where there is none; undefined for an unknown one. */
export function findFetchType(name: string | null, wordSize: 4 | 8): FetchType | undefined {
  const types = TYPES[wordSize];
  if (name === null) return types.get(`x${wordSize * 8}`);
  if (!name.startsWith("b")) return types.get(name);
  const slash = name.indexOf("/");
  if (slash < 0) return undefined;
  const bits = kstrtoul(name.slice(slash + 1), 0, wordSize === 8 ? 64 : 32);
  return isErrno(bits) ? undefined : types.get(`u${bits}`);
}
