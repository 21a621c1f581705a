import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/mod.ts";
import "../syscalls/all.ts";
import { Kernel } from "../kernel.ts";
import { ShapeLibrary } from "../shapes/library.ts";
import { isStaticProgram } from "./elf_header.ts";

/** An ELF header of 64 bits followed by program headers of these types. */
function elf(...types: number[]): Uint8Array {
  const bytes = new Uint8Array(64 + 56 * types.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, types.length, true);
  types.forEach((type, at) => view.setUint32(64 + 56 * at, type, true));
  return bytes;
}

Deno.test("a program is statically linked if it names no interpreter", async () => {
  const k = new Kernel(await coreImage("x86_64"), ShapeLibrary.empty());
  const isStatic = (content: Uint8Array, name: string) =>
    isStaticProgram(k.vfs.makePath(`/bin/${name}`, { content }).inode);
  assertEquals(isStatic(elf(1, 1, 2), "static"), true);
  assertEquals(isStatic(elf(6, 3, 1), "dynamic"), false);
  assertEquals(isStatic(new TextEncoder().encode(`#!/bin/sh\n${"#".repeat(80)}`), "script"), false);
  assertEquals(isStatic(elf().slice(0, 40), "cut"), false);
  assertEquals(isStaticProgram(k.vfs.makePath("/bin/unknown", { size: 4096 }).inode), false);
  assertEquals(isStaticProgram(null), false);
});
