/**
 * Kernel objects at hand: `object(kernel, "struct task_struct", address).real_parent.comm`. A reference reads memory
 * each time; what can't be read says so instead of throwing.
 *
 * @module
 */

import { addressHex, addressToBigInt } from "../image/address.ts";
import { MAX_ELEMENTS, MAX_STRING, shapeOf } from "../image/c_value.ts";
import { bareType, isCharacter } from "../image/ctype.ts";
import type { Addr, CType, FieldLayout } from "../image/model.ts";
import { nearNames } from "../image/near.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { fieldBits, formatAt, type FormatOptions, formatPointer } from "./c_value.ts";

/** Names that every reference has; they end in `_`, so that no C member collides with them. */
export interface ObjectReference {
  /** Address as an exact integer. */
  readonly address_: bigint;
  /** C spelling of the type: `struct task_struct`. */
  readonly type_: string;
  /** Member names, anonymous members flattened. */
  readonly members_: readonly string[];
  /** The object in C syntax. */
  format_(options?: FormatOptions): string;
  /** Members by name: numbers, bigints where a number isn't exact, strings, or further references. */
  readonly [member: string]: unknown;
}

/** Deno.inspect asks a value for its own text by this name. */
const INSPECT = Symbol.for("Deno.customInspect");

/**
 * A reference to an object of a type.
 *
 * @param type `struct task_struct`, `task_struct`, `union …` or a typedef's name.
 */
export function object(k: Kernel, type: string, address: Addr | bigint): ObjectReference {
  const found = k.image.type(type) ?? k.image.type(`struct ${type}`);
  if (found === undefined) {
    const near = k.image.nearTypes(type, 1)[0];
    throw new Error(
      `Cannot look at a "${type}": no such type on ${k.image.arch}${
        near === undefined ? "" : `; did you mean "${near}"?`
      }`,
    );
  }
  const at = typeof address === "bigint" ? Number(BigInt.asIntN(64, address)) : address;
  return reference(k, found, k.image.pointerSize === 4 ? at >>> 0 : at);
}

function reference(k: Kernel, type: CType, address: Addr): ObjectReference {
  const bare = bareType(type);
  function get(name: string | symbol): unknown {
    switch (name) {
      case "address_":
        return addressToBigInt(k.image.arch, address);
      case "type_":
        return k.image.typeText(type);
      case "members_":
        return k.image.fieldNames(bare);
      case "format_":
        return (options?: FormatOptions) => formatReference(k, type, address, options);
      case "toString":
        return () => `*(${k.image.typeText(type)} *)${addressHex(k.image.arch, address)}`;
    }
    if (typeof name === "symbol") return undefined;
    if (/^\d+$/.test(name)) return valueAt(k, type, address + Number(name) * k.image.sizeOf(type));
    const layout = k.image.field(bare, name);
    // Awaiting a value asks it for `then`: a reference is no promise.
    if (layout === undefined && name === "then") return undefined;
    if (layout === undefined) throw new TypeError(noMember(k, bare, name));
    return fieldValue(k, layout, address);
  }
  const members = bare.kind === "struct" || bare.kind === "union" ? k.image.fieldNames(bare) : [];
  // What displays a proxy looks at its target, not at the proxy.
  const target = Object.create(null, {
    [INSPECT]: { value: () => formatReference(k, type, address), configurable: true },
  }) as ObjectReference;
  return new Proxy(target, {
    get: (_target, name) => get(name),
    has: (_target, name) => typeof name === "string" && members.includes(name),
    ownKeys: () => [...members],
    getOwnPropertyDescriptor: (_target, name) =>
      members.includes(String(name)) ? { enumerable: true, configurable: true, value: get(name) } : undefined,
  });
}

function formatReference(k: Kernel, type: CType, address: Addr, options?: FormatOptions): string {
  const head = `*(${k.image.typeText(type)} *)${addressHex(k.image.arch, address)}`;
  return `${head} = ${formatAt(k, type, address, options)}`;
}

function fieldValue(k: Kernel, layout: FieldLayout, address: Addr): unknown {
  if (layout.bitSize > 0) {
    const bits = fieldBits(k, layout, address);
    return typeof bits === "bigint" ? plain(bits) : bits ?? undefined;
  }
  return valueAt(k, layout.type, address + layout.offset);
}

/** A scalar as JavaScript has it, a compound as a reference, a pointer as what it points to. */
function valueAt(k: Kernel, type: CType, address: Addr): unknown {
  const shape = shapeOf(type);
  switch (shape.is) {
    case "bool":
    case "integer": {
      const value = k.memory.probeReadBig(address, shape.size, shape.is === "integer" && shape.signed);
      if (value === null) return undefined;
      return shape.is === "bool" ? value !== 0n : plain(value);
    }
    case "characters":
      return k.memory.probeReadString(address, shape.max) ?? undefined;
    case "string":
    case "pointer":
      return pointerValue(k, type, address);
    case "array":
      return Array.from(
        { length: Math.min(shape.length, MAX_ELEMENTS) },
        (_, i) => valueAt(k, shape.of, address + i * k.image.sizeOf(shape.of)),
      );
    default:
      return reference(k, type, address);
  }
}

function pointerValue(k: Kernel, type: CType, address: Addr): unknown {
  const bare = bareType(type);
  const value = k.memory.probeReadInt(address, k.image.pointerSize, k.image.pointerSize === 8);
  if (bare.kind !== "ptr" || Number.isNaN(value)) return undefined;
  if (value === 0) return null;
  if (isCharacter(bare.to)) return k.memory.probeReadString(value, MAX_STRING) ?? undefined;
  return shapeOf(bare.to).is === "compound" ? reference(k, bare.to, value) : formatPointer(k, bare, value);
}

function plain(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function noMember(k: Kernel, type: CType, name: string): string {
  const near = nearNames(name, k.image.fieldNames(type), 1)[0];
  return `Cannot read member "${name}": ${k.image.typeText(type)} has none of that name` +
    (near === undefined ? "" : `; did you mean "${near}"?`);
}
