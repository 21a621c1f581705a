import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/load.ts";
import type { CType, KernelImage, Member } from "../../image/model.ts";
import { fieldType } from "./tracepoint_types.ts";
import { TypeWriter } from "./words.ts";

const image = await coreImage("x86_64");

const int: CType = { kind: "int", id: 1, name: "int", size: 4, signed: true, encoding: "int" };
const char: CType = { kind: "int", id: 2, name: "char", size: 1, signed: true, encoding: "int" };
const byte: CType = { kind: "typedef", id: 3, name: "u8", to: { ...char, id: 4, name: "unsigned char" } };
const bool: CType = { kind: "int", id: 5, name: "_Bool", size: 1, signed: false, encoding: "bool" };
const pointer = (to: CType): CType => ({ kind: "ptr", id: 6, to });
const array = (of: CType): CType => ({ kind: "array", id: 7, of, length: 4 });
const struct = (id: number, name: string, members: readonly Member[]): CType => ({
  kind: "struct",
  id,
  name,
  size: 8,
  members,
});
const member = (name: string, type: CType): Member => ({ name, type, bitOffset: 0, bitSize: 0 });

Deno.test("integers are numbers, characters strings, pointers are followed", () => {
  const writer = new TypeWriter(image);
  const empty = struct(10, "empty", []);
  const types: readonly (readonly [CType, string])[] = [
    [int, "number"],
    [bool, "boolean"],
    [pointer(char), "string"],
    [pointer({ kind: "const", id: 8, name: "", to: char }), "string"],
    [array(char), "string"],
    [pointer(byte), "PtrTo<number>"],
    [array(byte), "CArray<number>"],
    [pointer({ kind: "void", id: 0 }), "Address"],
    [pointer({ kind: "fwd", id: 9, name: "hidden", union: false }), "Address"],
    [pointer({ kind: "func_proto", id: 9, params: [], ret: int }), "Address"],
    [empty, "empty"],
    [pointer(empty), "Ptr<empty>"],
    [pointer(pointer(empty)), "PtrTo<Ptr<empty>>"],
    [{ kind: "void", id: 0 }, "undefined"],
    [
      { kind: "typedef", id: 12, name: "t", to: struct(13, "", [member("counter", int)]) },
      "{ counter: number }",
    ],
  ];
  for (const [type, text] of types) assertEquals(writer.value(type), text);
});

Deno.test("anonymous members are flattened, recursion ends, equal names are told apart", () => {
  const writer = new TypeWriter(image);
  const node: { kind: "struct"; id: number; name: string; size: number; members: Member[] } = {
    kind: "struct",
    id: 20,
    name: "node",
    size: 8,
    members: [],
  };
  const inner = struct(22, "", [member("a", int), member("", struct(23, "", [member("b", int)]))]);
  node.members.push(member("next", pointer(node)), member("", inner));
  assertEquals(writer.value(node), "node");
  assertEquals(writer.value(struct(21, "node", [])), "node_2");
  assertEquals(writer.value(struct(24, "class", [])), "class_");
  assertEquals([...writer.finish()].sort(), [
    ["class_", []],
    ["node", [
      { name: "next", type: "Ptr<node>" },
      { name: "a", type: "number" },
      { name: "b", type: "number" },
    ]],
    ["node_2", []],
  ]);
});

Deno.test("a real prototype reaches real structs", () => {
  const writer = new TypeWriter(image);
  const prototype = image.prototype("vfs_open");
  assertEquals(prototype?.params.map((param) => writer.value(param.type)), ["Ptr<path>", "Ptr<file>"]);
  const types = writer.finish();
  assertEquals(types.get("qstr")?.find(({ name }) => name === "name")?.type, "string");
  assertEquals(types.get("path"), [{ name: "mnt", type: "Ptr<vfsmount>" }, {
    name: "dentry",
    type: "Ptr<dentry>",
  }]);
});

Deno.test("fields of a tracepoint's record", () => {
  const writer = new TypeWriter(image);
  const type = (text: string, of: KernelImage = image) =>
    fieldType({ name: "f", type: text, offset: 8, size: 8, signed: false }, new TypeWriter(of));
  assertEquals(type("char[16]"), "string");
  assertEquals(type("__data_loc char[]"), "string");
  assertEquals(type("__data_loc u8[]"), undefined);
  assertEquals(type("const char *"), "string");
  assertEquals(type("__u8[4]"), "CArray<number>");
  assertEquals(type("unsigned long"), "number");
  assertEquals(type("enum zone_type"), "number");
  assertEquals(type("bool"), "boolean");
  assertEquals(type("const void *"), "Address");
  assertEquals(type("struct file *"), "Ptr<file>");
  assertEquals(type("const struct no_such_struct *"), "Address");
  assertEquals(type("unsigned long *"), "PtrTo<number>");
  assertEquals(type("const char *const *"), "Address");
  assertEquals(writer.finish().size, 0);
});
