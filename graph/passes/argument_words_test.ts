import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/load.ts";
import type { Arch, CType, Param } from "../../image/model.ts";
import { argumentWords } from "./argument_words.ts";

function int(size: number): CType {
  return { kind: "int", id: 1, name: `s${size * 8}`, size, signed: true, encoding: "int" };
}

function struct(size: number): CType {
  return { kind: "struct", id: 2, name: "s", size, members: [] };
}

async function words(arch: Arch, ...types: readonly CType[]): Promise<readonly number[]> {
  const params = types.map((type, i): Param => ({ name: `a${i}`, type }));
  return argumentWords(params, await coreImage(arch));
}

Deno.test("one register each, then the stack", async () => {
  const eight = new Array<CType>(10).fill(int(8));
  assertEquals(await words("x86_64", ...eight), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals(await words("arm64", ...eight), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals(await words("i386", int(4), int(2), int(4), int(4)), [0, 1, 2, 3]);
});

Deno.test("on i386, 64 bits take two words, and what does not fit ends the registers", async () => {
  assertEquals(await words("i386", int(8), int(4), int(4)), [0, 2, 3]);
  assertEquals(await words("i386", int(4), int(4), int(8), int(4)), [0, 1, 3, 5]);
});

Deno.test("structs by value", async () => {
  assertEquals(await words("x86_64", struct(16), int(8)), [0, 2]);
  assertEquals(await words("x86_64", struct(24), int(8)), [6, 0]);
  assertEquals(await words("x86_64", ...new Array<CType>(5).fill(int(8)), struct(16), int(8)), [
    0,
    1,
    2,
    3,
    4,
    6,
    5,
  ]);
  // arm64 passes a pointer to a copy.
  assertEquals(await words("arm64", struct(32), int(8)), [0, 1]);
});
