import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/load.ts";
import type { CType } from "../../image/model.ts";
import { PlainHit } from "../plain_hit.ts";
import { structReader } from "./struct_value.ts";

const AT = 0x1000;

const INT: CType = { kind: "int", id: 1, name: "int", size: 4, signed: true, encoding: "int" };
const CHAR: CType = { kind: "int", id: 2, name: "char", size: 1, signed: true, encoding: "int" };
const INNER: CType = {
  kind: "union",
  id: 3,
  name: "",
  size: 8,
  members: [
    { name: "n", type: INT, bitOffset: 0, bitSize: 0 },
    { name: "p", type: { kind: "ptr", id: 4, to: INT }, bitOffset: 0, bitSize: 0 },
  ],
};
const OUTER: CType = {
  kind: "struct",
  id: 5,
  name: "outer",
  size: 32,
  members: [
    { name: "flag", type: INT, bitOffset: 1, bitSize: 2 },
    { name: "", type: INNER, bitOffset: 64, bitSize: 0 },
    { name: "name", type: { kind: "array", id: 6, of: CHAR, length: 4 }, bitOffset: 128, bitSize: 0 },
    { name: "list", type: { kind: "array", id: 7, of: INT, length: 2 }, bitOffset: 192, bitSize: 0 },
  ],
};

Deno.test("a struct reads member by member", async () => {
  const hit = new PlainHit();
  hit.poke(AT, 4, 0b0100);
  hit.poke(AT + 8, 8, 7);
  hit.pokeString(AT + 16, "abc");
  hit.poke(AT + 24, 4, 1);
  hit.poke(AT + 28, 4, -2);
  assertEquals(structReader(OUTER, await coreImage("x86_64"))(hit, AT), {
    kind: "struct",
    fields: [
      { name: "flag", value: -2 },
      {
        name: "(anonymous 1)",
        value: {
          kind: "struct",
          fields: [{ name: "n", value: 7 }, { name: "p", value: { kind: "pointer", address: 7 } }],
        },
      },
      { name: "name", value: "abc" },
      { name: "list", value: { kind: "array", items: [1, -2] } },
    ],
  });
});
