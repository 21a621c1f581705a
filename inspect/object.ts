/**
 * Kernel objects at hand: `object(kernel, "struct task_struct", address).real_parent.comm`. A reference reads memory
 * each time; what can't be read says so instead of throwing.
 *
 * @module
 */

import { addressHex, addressToBigInt } from "../image/address.ts";
import type { Addr, CType, FieldLayout } from "../image/model.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { bareType, formatAt, type FormatOptions, formatPointer, isChar, readBits } from "./c_value.ts";

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
    const bits = readBits(k, layout, address);
    return bits === null ? undefined : plain(bits);
  }
  return valueAt(k, layout.type, address + layout.offset);
}

/** A scalar as JavaScript has it, a compound as a reference, a pointer as what it points to. */
function valueAt(k: Kernel, type: CType, address: Addr): unknown {
  const bare = bareType(type);
  switch (bare.kind) {
    case "int":
    case "enum": {
      const value = k.memory.probeReadBig(address, bare.size, bare.signed);
      if (value === null) return undefined;
      return bare.kind === "int" && bare.encoding === "bool" ? value !== 0n : plain(value);
    }
    case "ptr":
      return pointerValue(k, bare, address);
    case "array":
      if (isChar(bare.of)) return k.memory.probeReadString(address, bare.length) ?? undefined;
      return Array.from(
        { length: bare.length },
        (_, i) => valueAt(k, bare.of, address + i * k.image.sizeOf(bare.of)),
      );
    default:
      return reference(k, type, address);
  }
}

function pointerValue(k: Kernel, type: CType & { readonly kind: "ptr" }, address: Addr): unknown {
  const value = k.memory.probeReadInt(address, k.image.pointerSize, k.image.pointerSize === 8);
  if (Number.isNaN(value)) return undefined;
  if (value === 0) return null;
  const to = bareType(type.to);
  if (isChar(to)) return k.memory.probeReadString(value, 4096) ?? undefined;
  if (to.kind === "struct" || to.kind === "union") return reference(k, type.to, value);
  return formatPointer(k, type, value);
}

function plain(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function noMember(k: Kernel, type: CType, name: string): string {
  const members = k.image.fieldNames(type);
  const near = members.find((member) => member.toLowerCase().startsWith(name.toLowerCase().slice(0, 3)));
  return `Cannot read member "${name}": ${k.image.typeText(type)} has none of that name` +
    (near === undefined ? "" : `; did you mean "${near}"?`);
}
