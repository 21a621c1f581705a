import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/mod.ts";
import type { Arch } from "../../image/model.ts";
import { PrototypeWords } from "./words.ts";

async function words(arch: Arch): Promise<PrototypeWords> {
  return new PrototypeWords(await coreImage(arch));
}

Deno.test("recorded words become parameters: on i386 a 64-bit one is two of them", async () => {
  const i386 = await words("i386");
  // (file, mode, loff_t offset, loff_t len): ax, dx, then the stack; cx (here 1) is unused. Four words were recorded.
  assertEquals(i386.arguments("vfs_fallocate", [0xc2da5c00, 0, 1, 7]), [0xc2da5c00, 0, NaN, NaN]);
  assertEquals(
    i386.arguments("vfs_fallocate", [0xc2da5c00, 3, 1, 7, 0, 20000, 1]),
    [0xc2da5c00, 3, 7, 0x100000000 + 20000],
  );
  // (file, loff_t offset, loff_t len, int advice): dx:cx, then the stack.
  assertEquals(
    i386.arguments("generic_fadvise", [0xc2da5c00, 0xffffffff, 0xffffffff, 5]),
    [0xc2da5c00, -1, NaN, NaN],
  );
  const x86 = await words("x86_64");
  assertEquals(x86.arguments("vfs_fallocate", [-4096, 0x700000001, 7, 20000]), [-4096, 1, 7, 20000]);
});

Deno.test("without a prototype words are arguments", async () => {
  assertEquals((await words("i386")).arguments("no_such_function", [1, 2]), [1, 2]);
});
