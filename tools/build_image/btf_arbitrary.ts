/**
 * Arbitrary BTF for property tests: any kind, any reference to a type of the same section, bit-fields and wide enumerators.
 *
 * @module
 */
import fc from "fast-check";
import type { BtfType } from "./btf.ts";

const name = fc.stringMatching(/^[a-z_][a-z0-9_]{0,6}$/);
const maybeName = fc.oneof(fc.constant(""), name);
const u32 = fc.nat({ max: 0xffff_ffff });

function members(id: fc.Arbitrary<number>, bits: boolean) {
  const bitSize = bits ? fc.nat({ max: 64 }) : fc.constant(0);
  // Without bit-fields members lie on bytes; the format itself does not say so.
  const bitOffset = bits
    ? fc.nat({ max: 0xff_ffff })
    : fc.nat({ max: 0x1fff_ffff }).map((bytes) => bytes * 8);
  return fc.array(fc.record({ name: maybeName, type: id, bitOffset, bitSize }), { maxLength: 5 });
}

function values(size: number, signed: boolean) {
  const bits = BigInt(size * 8);
  const value = signed
    ? fc.bigInt({ min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n })
    : fc.bigInt({ min: 0n, max: (1n << bits) - 1n });
  return fc.array(fc.tuple(name, value), { maxLength: 5 });
}

function btfType(count: number): fc.Arbitrary<BtfType> {
  const id = fc.nat({ max: count });
  const kind = <K extends string>(...kinds: K[]) => fc.constantFrom(...kinds);
  return fc.oneof(
    fc.record({ kind: kind("int"), name, size: size(1, 2, 4, 8, 16), encoding: fc.nat({ max: 4 }) }).map(
      (int): BtfType => ({ ...int, bits: int.size * 8, bitOffset: 0 }),
    ),
    fc.record({ kind: kind("float"), name, size: size(4, 8) }),
    fc.record({ kind: kind("ptr", "const", "volatile", "restrict"), to: id }),
    fc.record({ kind: kind("typedef", "type_tag"), name, to: id }),
    fc.record({ kind: kind("array"), of: id, index: id, length: u32 }),
    fc.boolean().chain((bits) =>
      fc.record({ kind: kind("struct", "union"), name: maybeName, size: u32, members: members(id, bits) })
    ),
    fc.tuple(size(4, 8), fc.boolean()).chain(([bytes, signed]) =>
      fc.record({
        kind: kind("enum"),
        name: maybeName,
        size: fc.constant(bytes),
        signed: fc.constant(signed),
        values: values(bytes, signed),
      })
    ),
    fc.record({ kind: kind("fwd"), name, union: fc.boolean() }),
    fc.record({ kind: kind("func"), name, proto: id, linkage: fc.nat({ max: 2 }) }),
    fc.record({
      kind: kind("func_proto"),
      ret: id,
      params: fc.array(fc.record({ name: maybeName, type: id }), { maxLength: 5 }),
    }),
    fc.record({ kind: kind("var"), name, type: id, linkage: fc.nat({ max: 2 }) }),
    fc.record({
      kind: kind("datasec"),
      name,
      size: u32,
      vars: fc.array(fc.record({ type: id, offset: u32, size: u32 }), { maxLength: 3 }),
    }),
    fc.record({ kind: kind("decl_tag"), name, type: id, component: fc.integer({ min: -1, max: 9 }) }),
  );
}

function size<const T extends number>(...values: T[]): fc.Arbitrary<T> {
  return fc.constantFrom(...values);
}

/** Types of a section: ids 1, 2, ... Typedefs, qualifiers and arrays are of earlier types, so that none is defined by itself. */
export function btfTypes(): fc.Arbitrary<BtfType[]> {
  return fc.integer({ min: 1, max: 30 }).chain((count) =>
    fc.array(btfType(count), { minLength: count, maxLength: count })
  ).map((types) =>
    types.map((type, before): BtfType => {
      if (type.kind === "array") return { ...type, of: type.of % (before + 1) };
      return "to" in type && type.kind !== "ptr" ? { ...type, to: type.to % (before + 1) } : type;
    })
  );
}
