import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { bitField, MAX_STRING, shapeOf } from "./c_value.ts";
import { bareType, isCharacter, unqualified } from "./ctype.ts";
import type { CType } from "./model.ts";

const INT: CType = { kind: "int", id: 1, name: "int", size: 4, signed: true, encoding: "int" };
const CHAR: CType = { kind: "int", id: 2, name: "char", size: 1, signed: true, encoding: "int" };
const UCHAR: CType = { kind: "int", id: 3, name: "unsigned char", size: 1, signed: false, encoding: "int" };
const BOOL: CType = { kind: "int", id: 4, name: "_Bool", size: 1, signed: false, encoding: "bool" };
const WIDE: CType = { kind: "int", id: 5, name: "__int128", size: 16, signed: true, encoding: "int" };
const VOID: CType = { kind: "void", id: 0 };

function of(kind: "typedef" | "const" | "volatile" | "restrict" | "type_tag", to: CType): CType {
  return { kind, id: 9, name: kind === "typedef" ? "u8" : "", to };
}

const ptr = (to: CType): CType => ({ kind: "ptr", id: 10, to });
const array = (inner: CType, length: number): CType => ({ kind: "array", id: 11, of: inner, length });
const U8 = of("typedef", UCHAR);

Deno.test("qualifiers and typedefs come off, in any order", () => {
  assertEquals(bareType(of("const", of("typedef", of("volatile", of("typedef", INT))))), INT);
  assertEquals(unqualified(of("const", of("volatile", U8))), U8);
  const types = fc.letrec<{ type: CType }>((tie) => ({
    type: fc.oneof(
      fc.constantFrom(INT, ptr(of("const", INT)), VOID),
      fc.tuple(fc.constantFrom("typedef", "const", "volatile", "restrict", "type_tag"), tie("type"))
        .map(([kind, to]) => of(kind as "const", to)),
    ),
  })).type;
  fc.assert(fc.property(types, (type) => {
    const bare = bareType(type);
    assertEquals("to" in bare && bare.kind !== "ptr", false);
    assertEquals(bareType(of("const", type)), bare);
  }));
});

Deno.test("char by name is a character, u8 is a byte", () => {
  assertEquals([CHAR, UCHAR, of("const", CHAR), U8, of("const", U8), BOOL, INT].map(isCharacter), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("what a value of each type is to a reader", () => {
  assertEquals(shapeOf(of("const", of("typedef", INT))), { is: "integer", size: 4, signed: true });
  assertEquals(shapeOf(of("typedef", BOOL)), { is: "bool", size: 1 });
  assertEquals(shapeOf(ptr(of("const", CHAR))), { is: "string" });
  assertEquals(shapeOf(ptr(U8)), { is: "pointer", to: U8 });
  assertEquals(shapeOf(array(CHAR, 16)), { is: "characters", max: 16 });
  assertEquals(shapeOf(array(CHAR, 0)), { is: "characters", max: MAX_STRING });
  assertEquals(shapeOf(array(U8, 16)), { is: "array", of: U8, length: 16 });
  assertEquals([shapeOf(VOID), shapeOf(WIDE)], [{ is: "nothing" }, { is: "nothing" }]);
});

Deno.test("a bit-field reads what was written, whatever lies around it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 7 }),
      fc.integer({ min: 1, max: 64 }),
      fc.boolean(),
      fc.bigInt({ min: 0n, max: 2n ** 80n - 1n }),
      (bitShift, bitSize, signed, around) => {
        const type: CType = { ...INT, kind: "int", size: 8, signed } as CType;
        const layout = { type: of("typedef", type), offset: 3, bitShift, bitSize };
        const asked: number[] = [];
        const value = bitField(layout, 100, (address) => {
          asked.push(address);
          return Number((around >> BigInt((address - 103) * 8)) & 0xffn);
        });
        const raw = around >> BigInt(bitShift);
        assertEquals(value, signed ? BigInt.asIntN(bitSize, raw) : BigInt.asUintN(bitSize, raw));
        assertEquals(Math.min(...asked), 103);
        assertEquals(Math.max(...asked), 103 + Math.ceil((bitShift + bitSize) / 8) - 1);
      },
    ),
    { seed: 20261122 },
  );
  const layout = { type: INT, offset: 0, bitShift: 4, bitSize: 8 };
  assertEquals(bitField(layout, 0, (address) => address === 0 ? 1 : null), null);
  assertEquals(bitField(layout, 0, (address) => address === 0 ? 1 : NaN), null);
});
