/**
 * C types by their spelling, as casts and tracepoint formats give them.
 *
 * @module
 */

import type { CType, KernelImage } from "../../image/model.ts";

interface IntSpelling {
  readonly size: (image: KernelImage) => number;
  readonly signed: boolean;
}

const fixed = (bytes: number, signed: boolean): IntSpelling => ({ size: () => bytes, signed });
const word = (signed: boolean): IntSpelling => ({ size: (image) => image.pointerSize, signed });

/** C's own integers, and the short names that every kernel has. */
const INTEGERS: ReadonlyMap<string, IntSpelling> = new Map([
  ["char", fixed(1, true)],
  ["signed char", fixed(1, true)],
  ["unsigned char", fixed(1, false)],
  ["short", fixed(2, true)],
  ["unsigned short", fixed(2, false)],
  ["int", fixed(4, true)],
  ["signed", fixed(4, true)],
  ["unsigned", fixed(4, false)],
  ["unsigned int", fixed(4, false)],
  ["long", word(true)],
  ["unsigned long", word(false)],
  ["long long", fixed(8, true)],
  ["unsigned long long", fixed(8, false)],
  ...([8, 16, 32, 64] as const).flatMap((bits): [string, IntSpelling][] =>
    ([["s", true], ["u", false], ["__s", true], ["__u", false]] as const)
      .map(([prefix, signed]): [string, IntSpelling] => [`${prefix}${bits}`, fixed(bits / 8, signed)])
      .concat([
        [`int${bits}_t`, fixed(bits / 8, true)],
        [`uint${bits}_t`, fixed(bits / 8, false)],
        // bpftrace's names.
        [`int${bits}`, fixed(bits / 8, true)],
        [`uint${bits}`, fixed(bits / 8, false)],
      ])
  ),
]);

/** The type that a C spelling names: `struct file *`, `u32`, `unsigned long`, `char[16]`; undefined where none. */
export function typeByText(text: string, image: KernelImage): CType | undefined {
  const bare = text.replace(/\b(const|volatile|restrict|__user)\b/g, " ").replace(/\s+/g, " ").trim();
  const array = /^(.*\S)\s*\[(\d+)\]$/.exec(bare);
  if (array !== null) {
    const of = typeByText(array[1] ?? "", image);
    return of === undefined ? undefined : { kind: "array", id: 0, of, length: Number(array[2]) };
  }
  if (bare.endsWith("*")) {
    const to = typeByText(bare.slice(0, -1), image);
    return to === undefined ? undefined : { kind: "ptr", id: 0, to };
  }
  if (bare === "void") return { kind: "void", id: 0 };
  const integer = INTEGERS.get(canonical(bare));
  if (integer !== undefined) {
    return {
      kind: "int",
      id: 0,
      name: bare,
      size: integer.size(image),
      signed: integer.signed,
      encoding: "int",
    };
  }
  if (bare === "bool" || bare === "_Bool") {
    return { kind: "int", id: 0, name: "_Bool", size: 1, signed: false, encoding: "bool" };
  }
  return image.type(bare);
}

/** `long unsigned int`, `unsigned long int` and the like, in one order and without the idle `int`. */
function canonical(name: string): string {
  const words = name.split(" ");
  if (words.length === 1 || !words.every((w) => /^(unsigned|signed|long|short|int|char)$/.test(w))) {
    return name;
  }
  const unsigned = words.includes("unsigned") ? ["unsigned"] : [];
  const core = words.filter((w) => w !== "unsigned" && w !== "signed" && w !== "int");
  return [...unsigned, ...(core.length > 0 ? core : ["int"])].join(" ");
}
