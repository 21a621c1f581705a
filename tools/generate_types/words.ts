/**
 * C types as TypeScript types, and the structs and unions that they reach.
 *
 * @module
 */

import { bareType, isCharacter } from "../../image/ctype.ts";
import type { CType, KernelImage, Member } from "../../image/model.ts";
import type { Slot } from "./model.ts";

/** Names that no interface may have, and those that the declarations themselves use. */
const TAKEN: ReadonlySet<string> = new Set([
  ...("any unknown never number bigint boolean string symbol object void undefined null class enum function var let " +
    "const new delete typeof in of if else for while do switch case default break continue return throw try catch " +
    "finally with this super import export extends implements interface package private protected public static yield")
    .split(" "),
  ...[
    "Ptr",
    "PtrTo",
    "Address",
    "Pointer",
    "CArray",
    "Fn",
    "Tp",
    "Bare",
    "Functions",
    "Tracepoints",
    "KernelTypes",
  ],
]);

type Compound = CType & { readonly kind: "struct" | "union" };

/** Writes the C types of one image as TypeScript, and gathers the structs that it meets. */
export class TypeWriter {
  readonly #image: KernelImage;
  /** TypeScript name by BTF id. */
  readonly #names = new Map<number, string>();
  readonly #idOf = new Map<string, number>();
  readonly #open: Compound[] = [];
  readonly #types = new Map<string, readonly Slot[]>();

  constructor(image: KernelImage) {
    this.#image = image;
  }

  /** The TypeScript type of a value of a C type. */
  value(type: CType): string {
    const at = bareType(type);
    switch (at.kind) {
      case "void":
        return "undefined";
      case "int":
        return at.encoding === "bool" ? "boolean" : "number";
      case "enum":
      case "float":
        return "number";
      case "ptr":
        return this.pointer(at.to);
      case "array":
        return isCharacter(at.of) ? "string" : `CArray<${this.value(at.of)}>`;
      case "struct":
      case "union":
        return at.name === "" ? this.#inline(at) : this.#named(at);
      default:
        return "Address";
    }
  }

  /** The TypeScript type of a pointer to a C type. */
  pointer(to: CType): string {
    if (isCharacter(to)) return "string";
    const at = bareType(to);
    switch (at.kind) {
      case "struct":
      case "union": {
        const text = at.name === "" ? this.#inline(at) : this.#named(at);
        return text === "{}" ? "Address" : `Ptr<${text}>`;
      }
      case "int":
      case "enum":
      case "float":
      case "ptr":
      case "array":
        return `PtrTo<${this.value(at)}>`;
      default:
        return "Address";
    }
  }

  /** A struct or union by name, if the image has it. */
  reach(name: string): string | undefined {
    const type = this.#image.type(name);
    const at = type === undefined ? undefined : bareType(type);
    return at?.kind === "struct" || at?.kind === "union" ? this.value(at) : undefined;
  }

  /** The structs and unions met so far, and all that they reach. */
  finish(): ReadonlyMap<string, readonly Slot[]> {
    for (let at = this.#open.pop(); at !== undefined; at = this.#open.pop()) {
      this.#types.set(this.#named(at), this.#slots(at.members));
    }
    return this.#types;
  }

  #named(type: Compound): string {
    const known = this.#names.get(type.id);
    if (known !== undefined) return known;
    const plain = TAKEN.has(type.name) ? `${type.name}_` : type.name;
    let name = plain;
    // Different structs may have the same name in different source files.
    for (let n = 2; this.#idOf.has(name); n++) name = `${plain}_${n}`;
    this.#names.set(type.id, name);
    this.#idOf.set(name, type.id);
    this.#open.push(type);
    return name;
  }

  #inline(type: Compound): string {
    const slots = this.#slots(type.members);
    return slots.length === 0 ? "{}" : `{ ${slots.map((s) => `${s.name}: ${s.type}`).join("; ")} }`;
  }

  /** Members as C lets one write them: those of anonymous members belong to the outer struct. */
  #slots(members: readonly Member[]): Slot[] {
    return members.flatMap(({ name, type }) => {
      if (name !== "") return [{ name, type: this.value(type) }];
      const inner = bareType(type);
      return inner.kind === "struct" || inner.kind === "union" ? this.#slots(inner.members) : [];
    });
  }
}
