/**
 * Guesses by type where an argument comes from that values don't explain: the one field of the caller's argument that
 * has the type of the callee's parameter.
 *
 * @module
 */

import type { CType, KernelImage } from "../../image/model.ts";
import type { ValueRule } from "../../kernel/shapes/node.ts";
import type { PrototypeWords } from "./words.ts";

/** Structs that are in everything: a pointer to one says nothing about where it came from. */
const COMMON = new Set([
  "list_head",
  "hlist_node",
  "hlist_head",
  "rb_node",
  "callback_head",
  "mutex",
  "spinlock",
  "kref",
]);

type FieldRule = Extract<ValueRule, { from: "field" }>;

/** Finds fields by type in one image. */
export class FieldRules {
  readonly #image: KernelImage;
  readonly #words: PrototypeWords;
  readonly #offsets = new Map<string, number>();

  constructor(image: KernelImage, words: PrototypeWords) {
    this.#image = image;
    this.#words = words;
  }

  /** The rule of a pointer argument, where exactly one argument of the caller has exactly one field of its type. */
  rule(caller: string, callee: string, index: number): FieldRule | undefined {
    const wanted = this.#words.param(callee, index)?.pointee;
    if (wanted === undefined || wanted === "" || COMMON.has(wanted)) return undefined;
    const found: FieldRule[] = [];
    for (let i = 0; i < 6; i++) {
      const holder = this.#words.param(caller, i)?.pointee;
      if (holder === undefined || holder === "") continue;
      // The caller has such an object already, and values say that it is another one.
      if (holder === wanted) return undefined;
      const offset = this.#offset(holder, wanted);
      if (offset === AMBIGUOUS) return undefined;
      if (offset < 0) continue;
      const size = this.#image.pointerSize;
      found.push({ from: "field", index: i, offset, size, signed: size === 8, plus: 0 });
    }
    return found.length === 1 ? found[0] : undefined;
  }

  /** Offset of the one pointer to a struct inside another, -1 for none, `AMBIGUOUS` for several. */
  #offset(holder: string, wanted: string): number {
    const key = `${holder} ${wanted}`;
    let offset = this.#offsets.get(key);
    if (offset === undefined) {
      const type = this.#image.type(`struct ${holder}`);
      const all = type === undefined ? [] : this.#pointers(type, wanted, 0, 0);
      offset = all.length === 0 ? -1 : all.length === 1 ? all[0] ?? -1 : AMBIGUOUS;
      this.#offsets.set(key, offset);
    }
    return offset;
  }

  #pointers(type: CType, wanted: string, base: number, depth: number): number[] {
    if (type.kind !== "struct" && type.kind !== "union" || depth > 4) return [];
    return type.members.flatMap((member) => {
      const at = base + member.bitOffset / 8;
      const plain = unqualified(member.type);
      if (plain.kind !== "ptr") return this.#pointers(plain, wanted, at, depth + 1);
      const to = unqualified(plain.to);
      return (to.kind === "struct" || to.kind === "fwd") && to.name === wanted ? [at] : [];
    });
  }
}

const AMBIGUOUS = -2;

function unqualified(type: CType): CType {
  let t = type;
  while (
    t.kind === "typedef" || t.kind === "const" || t.kind === "volatile" || t.kind === "restrict" ||
    t.kind === "type_tag"
  ) {
    t = t.to;
  }
  return t;
}
