import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type BtfType, parseBtf } from "./btf.ts";
import { joinBtf } from "./btf_modules.ts";
import { btfTypes } from "./btf_arbitrary.ts";
import { writeBtf } from "./btf_writer.ts";

Deno.test("any BTF reads back as it was written", () => {
  fc.assert(fc.property(btfTypes(), (types) => {
    assertEquals(parseBtf(writeBtf(types), "x").types, [undefined, ...types]);
  }));
});

// struct s { int a; unsigned b:3, c:5; }; as pahole writes it, word by word after Documentation/bpf/btf.rst.
Deno.test("a section written by hand", () => {
  const words = [
    [0x0001eb9f, 24, 0, 64, 64, 11], // header: magic, header length, types at 0 for 64, strings at 64 for 11
    [1, 0x01000000, 4, 0x01000020], // [1] INT "int" 4 bytes, signed, 32 bits
    [5, 0x84000003, 8], // [2] STRUCT "s" with kind flag, 3 members, 8 bytes
    [7, 1, 0], // a: no bit-field, at bit 0
    [9, 1, (3 << 24) | 32], // b: 3 bits at bit 32
    [0, 1, (5 << 24) | 35], // anonymous: 5 bits at bit 35
  ].flat();
  const bytes = new Uint8Array(24 + 64 + 11);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setUint32(i * 4, word, true));
  bytes.set(new TextEncoder().encode("\0int\0s\0a\0b\0"), 24 + 64);
  assertEquals(parseBtf(bytes, "x").types.slice(0, 3), [
    undefined,
    { kind: "int", name: "int", size: 4, encoding: 1, bits: 32, bitOffset: 0 },
    {
      kind: "struct",
      name: "s",
      size: 8,
      members: [
        { name: "a", type: 1, bitOffset: 0, bitSize: 0 },
        { name: "b", type: 1, bitOffset: 32, bitSize: 3 },
        { name: "", type: 1, bitOffset: 35, bitSize: 5 },
      ],
    },
  ]);
});

Deno.test("bit-fields by narrow integers become those of the kind flag", () => {
  const types: BtfType[] = [
    { kind: "int", name: "unsigned int", size: 4, encoding: 0, bits: 3, bitOffset: 2 },
    { kind: "typedef", name: "u3", to: 1 },
    { kind: "struct", name: "s", size: 4, members: [{ name: "a", type: 2, bitOffset: 8, bitSize: 0 }] },
  ];
  const parsed = parseBtf(writeBtf(types), "x").types[3];
  assertEquals(parsed?.kind === "struct" && parsed.members, [{
    name: "a",
    type: 2,
    bitOffset: 10,
    bitSize: 3,
  }]);
});

Deno.test("what is no BTF is refused with its file and place", () => {
  const good = writeBtf([{ kind: "int", name: "int", size: 4, encoding: 1, bits: 32, bitOffset: 0 }]);
  const changed = (at: number, byte: number) => good.with(at, byte);
  assertThrows(
    () => parseBtf(good.slice(0, 10), "my/btf"),
    Error,
    "Cannot read BTF from my/btf: the header is cut short at byte 10",
  );
  assertThrows(() => parseBtf(good.slice(0, 30), "my/btf"), Error, "the file is cut short");
  assertThrows(() => parseBtf(changed(0, 0x7f), "my/btf"), Error, "no BTF magic");
  assertThrows(
    () => parseBtf(Uint8Array.of(0xeb, 0x9f, ...good.slice(2)), "my/btf"),
    Error,
    "big-endian BTF",
  );
  assertThrows(() => parseBtf(changed(2, 7), "my/btf"), Error, "version 7, not 1");
  assertThrows(() => parseBtf(changed(31, 25), "my/btf"), Error, "type 1: unknown kind 25 at byte 24");
  assertThrows(() => parseBtf(changed(24, 99), "my/btf"), Error, "type 1: string offset 99 is outside");
});

Deno.test("types that are defined by themselves or by none are refused", () => {
  const typedef = (to: number): BtfType => ({ kind: "typedef", name: "t", to });
  assertThrows(
    () => parseBtf(writeBtf([typedef(2), typedef(1)]), "my/btf"),
    Error,
    "type 1 is defined by itself",
  );
  assertThrows(() => parseBtf(writeBtf([typedef(9)]), "my/btf"), Error, "type 1 refers to type 9, of 1");
});

Deno.test("split BTF counts on from the kernel's types and strings", () => {
  const kernel: BtfType[] = [
    { kind: "int", name: "int", size: 4, encoding: 1, bits: 32, bitOffset: 0 },
    {
      kind: "struct",
      name: "inode",
      size: 4,
      members: [{ name: "i_ino", type: 1, bitOffset: 0, bitSize: 0 }],
    },
  ];
  // As a module has it: ids 1 and 2 are the kernel's, names come from both string sections.
  const module = (own: string): BtfType[] => [
    { kind: "struct", name: own, size: 8, members: [{ name: "i_ino", type: 2, bitOffset: 0, bitSize: 0 }] },
    { kind: "ptr", to: 3 },
  ];
  const input = (path: string, bytes: Uint8Array) => ({ path, bytes });
  const split = (own: string) => input(own, writeBtf(module(own), kernel));
  assertEquals(joinBtf(input("btf", writeBtf(kernel)), [split("ext4_inode_info"), split("jbd2_inode")]), [
    undefined,
    ...kernel,
    ...module("ext4_inode_info"),
    { ...module("jbd2_inode")[0] },
    { kind: "ptr", to: 5 },
  ]);
});
