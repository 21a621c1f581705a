import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { coreImage } from "../../image/load.ts";
import type { Arch, FunctionInfo } from "../../image/model.ts";
import { archModel } from "../arch/mod.ts";
import { Memory } from "./memory.ts";
import { directCall, ftraceNop, functionBytes } from "./text_bytes.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

/** A function of instructions of the given lengths, the first one a call to the entry hook. */
function made(lengths: readonly number[]): FunctionInfo {
  const boundaries = [0];
  for (const length of [5, ...lengths]) boundaries.push((boundaries.at(-1) ?? 0) + length);
  return {
    name: "made",
    address: -0x7f000000,
    size: boundaries.pop() ?? 0,
    boundaries: () => Uint32Array.from(boundaries),
    callSites: () => [{ offset: 0, returnOffset: 5, kind: "call", target: "__fentry__" }],
  };
}

/** Length of the NOP that begins here: as the processor would decode these forms. */
function nopLength(bytes: Uint8Array, at: number): number {
  let i = at;
  while (bytes[i] === 0x66) i++;
  const prefixes = i - at;
  if (bytes[i] === 0x90) return prefixes + 1;
  if (bytes[i] !== 0x0f || bytes[i + 1] !== 0x1f) return NaN;
  const modrm = bytes[i + 2] ?? 0;
  const sib = (modrm & 7) === 4 ? 1 : 0;
  const displacement = modrm >> 6 === 1 ? 1 : modrm >> 6 === 2 ? 4 : 0;
  return prefixes + 3 + sib + displacement;
}

Deno.test("instructions of any length become one NOP of that length", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 15 }), { maxLength: 30 }), (lengths) => {
    const bytes = functionBytes(archModel("x86_64"), made(lengths), () => undefined);
    let at = 0;
    for (const length of [5, ...lengths]) {
      assertEquals(nopLength(bytes, at), length);
      at += length;
    }
    assertEquals(at, bytes.length);
  }));
});

Deno.test("direct calls reach their target", () => {
  const distance = fc.integer({ min: -0x1ffffff, max: 0x1ffffff });
  fc.assert(fc.property(distance, fc.boolean(), (steps, jump) => {
    const at = -0x7f000000;
    const target = at + steps * 4;
    const x86 = new DataView(Uint8Array.from(directCall(archModel("x86_64"), at, target, jump)).buffer);
    assertEquals([x86.getUint8(0), at + 5 + x86.getInt32(1, true)], [jump ? 0xe9 : 0xe8, target]);
    const word = new DataView(Uint8Array.from(directCall(archModel("arm64"), at, target, jump)).buffer)
      .getInt32(0, true);
    assertEquals([word >>> 26, at + (word << 6 >> 6) * 4], [jump ? 0b000101 : 0b100101, target]);
  }));
});

Deno.test("every traceable function begins as a running kernel has it", async () => {
  for (const arch of ARCHES) {
    const image = await coreImage(arch);
    const memory = new Memory(image, archModel(arch));
    for (const name of image.functions("vfs_*")) {
      const info = image.func(name);
      if (info === undefined || info.size < 8) continue;
      const first = [...memory.readBytes(info.address, arch === "arm64" ? 8 : 5)];
      assertEquals(
        first,
        arch === "arm64"
          ? [0xe9, 3, 0x1e, 0xaa, ...ftraceNop(archModel(arch))]
          : [...ftraceNop(archModel(arch))],
      );
    }
  }
});

Deno.test("patches show before and after a page was first read, and restoring gives the original", async () => {
  for (const arch of ARCHES) {
    const image = await coreImage(arch);
    const memory = new Memory(image, archModel(arch));
    const start = image.func("vfs_read")?.address ?? 0;
    const original = [...memory.text.original(start, 32)];
    memory.text.patch(start, [1, 2, 3, 4]);
    assertEquals([...memory.readBytes(start, 8)], [1, 2, 3, 4, ...original.slice(4, 8)]);
    memory.text.patch(start + 4, [9]);
    memory.text.patch(start + 8, [7, 7]);
    memory.text.restore(start + 4);
    memory.text.restore(start + 12);
    assertEquals(memory.text.patches().map((p) => p.address), [start, start + 8]);
    memory.text.restore(start);
    memory.text.restore(start + 8);
    assertEquals([...memory.readBytes(start, 32)], original);
  }
});
