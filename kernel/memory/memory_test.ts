import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { coreImage } from "../../image/load.ts";
import type { Arch } from "../../image/model.ts";
import { archModel } from "../arch/mod.ts";
import { MemoryFault } from "./fault.ts";
import { Memory } from "./memory.ts";
import { Slab } from "./slab.ts";
import { Structs } from "./structs.ts";
import { UserSpace } from "./user_space.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

async function machine(arch: Arch) {
  const image = await coreImage(arch);
  const model = archModel(arch);
  const memory = new Memory(image, model);
  return { image, model, memory, slab: new Slab(memory, model), structs: new Structs(image, memory) };
}

Deno.test("what is written reads back, across pages too", async () => {
  for (const arch of ARCHES) {
    const { memory, slab } = await machine(arch);
    const base = slab.frames.alloc(2);
    const write = fc.record({
      at: fc.nat(3 * 4096),
      size: fc.constantFrom(1, 2, 4, 8),
      value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 30 }), (writes) => {
        memory.fill(base, 4 * 4096, 0);
        const mirror = new DataView(new ArrayBuffer(4 * 4096));
        for (const { at, size, value } of writes) {
          if (size === 8) {
            memory.writeBig(base + at, 8, value);
            mirror.setBigInt64(at, value, true);
          } else {
            const number = Number(BigInt.asIntN(size * 8, value));
            memory.store(base + at, size, number);
            for (let i = 0; i < size; i++) mirror.setUint8(at + i, number >> (8 * i));
          }
          assertEquals(memory.readBig(base + at, 8, true), mirror.getBigInt64(at, true));
          assertEquals(memory.load(base + at, 2, false), mirror.getUint16(at, true));
          assertEquals(memory.load(base + at, 4, true), mirror.getInt32(at, true));
          assertEquals(memory.probeReadInt(base + at, 4, false), mirror.getUint32(at, true));
        }
        assertEquals(memory.readBytes(base, 4 * 4096), new Uint8Array(mirror.buffer));
      }),
      { numRuns: 30 },
    );
  }
});

Deno.test("numbers are stored modulo their size, and 64-bit ones read exactly or not at all", async () => {
  const { memory, slab } = await machine("x86_64");
  const at = slab.kmalloc(64);
  fc.assert(fc.property(fc.maxSafeInteger(), (value) => {
    memory.store(at, 8, value);
    assertEquals(memory.load(at, 8, true), value + 0);
    assertEquals(memory.readBig(at, 8, true), BigInt(value));
    assertEquals(memory.load(at, 4, false), Number(BigInt.asUintN(32, BigInt(value))));
  }));
  memory.writeBig(at, 8, 0x6b6b6b6b6b6b6b6bn);
  assertThrows(() => memory.load(at, 8, true), RangeError, "use memory.readBig(address, 8, signed)");
});

Deno.test("bad pointers fault: kernel code by an exception, probes by a value", async () => {
  for (const arch of ARCHES) {
    const { memory, slab, model } = await machine(arch);
    const stack = slab.vmalloc.alloc(model.threadSize, model.threadSize);
    memory.store(stack + model.threadSize - 8, 4, 7);
    const guard = stack + model.threadSize;
    const bad = [0, 8, model.layout.modulesEnd - 4096, guard, NaN];
    for (const address of bad) {
      assertThrows(() => memory.load(address, 4, false), MemoryFault);
      assertThrows(() => memory.store(address, 4, 1), MemoryFault);
      assertEquals(memory.probeReadInt(address, 4, false), NaN);
      assertEquals(memory.probeReadString(address, 16), null);
      assertEquals(memory.probeReadBytes(address, 16), null);
    }
    assertEquals(memory.probeReadInt(guard - 2, 4, false), NaN);
    slab.vmalloc.free(stack);
    assertEquals(memory.probeReadInt(stack + model.threadSize - 8, 4, false), NaN);
    assertEquals(slab.vmalloc.alloc(model.threadSize, model.threadSize), stack);
    assertEquals(memory.load(stack + model.threadSize - 8, 4, false), 0);
  }
  const { memory } = await machine("x86_64");
  assertThrows(
    () => memory.load(0x10, 4, false),
    MemoryFault,
    "Cannot read memory at 0x10: nothing is mapped there",
  );
  assertThrows(
    () => memory.store(-0x7f000000, 1, 0),
    MemoryFault,
    "Cannot write memory at 0xffffffff81000000",
  );
});

Deno.test("i386 addresses may be signed or unsigned", async () => {
  const { memory, slab } = await machine("i386");
  const at = slab.kmalloc(64);
  memory.writeU32(at, 0xc0debabe);
  assertEquals([memory.readU32(at | 0), memory.readPointer(at), memory.readWord(at)], [
    0xc0debabe,
    0xc0debabe,
    0xc0debabe | 0,
  ]);
  memory.writeU32(at | 0, 5);
  assertEquals(memory.readU32(at), 5);
});

Deno.test("user memory belongs to the running process; untouched pages fault only for probes", async () => {
  const { memory } = await machine("arm64");
  const one = new UserSpace();
  const two = new UserSpace();
  const at = 0x7f0000001000;
  one.map(at, 8192, 3, (offset, bytes) => bytes.fill(offset / 4096 + 1));
  two.map(at, 4096, 1);
  memory.user = one;
  assertEquals(memory.probeReadInt(at, 1, false), NaN);
  assertEquals([memory.readU8(at), memory.readU8(at + 4096)], [1, 2]);
  assertEquals(memory.probeReadInt(at, 1, false), 1);
  memory.writeString(at, "/etc/hosts");
  const child = one.fork();
  memory.writeString(at, "/etc/passwd");
  memory.user = child;
  assertEquals(memory.readString(at), "/etc/hosts");
  memory.user = two;
  assertEquals(memory.readU8(at), 0);
  assertThrows(() => memory.writeU8(at, 1), MemoryFault);
  assertThrows(() => memory.readU8(at + 4096), MemoryFault);
  memory.user = null;
  assertEquals(memory.probeReadString(at, 10), null);
});

Deno.test("user areas are cut by unmap and protect, and their contents stay where they were", () => {
  const space = new UserSpace();
  space.map(0x10000, 0x5000, 3, (offset, bytes) => bytes.fill(offset / 0x1000));
  space.unmap(0x12000, 0x1000);
  space.protect(0x13000, 0x1000, 1);
  assertEquals(space.areas.map((a) => [a.start, a.end, a.prot]), [
    [0x10000, 0x12000, 3],
    [0x13000, 0x14000, 1],
    [0x14000, 0x15000, 3],
  ]);
  assertEquals(space.touch(0x14)?.bytes[0], 4);
  assertEquals(space.touch(0x12), null);
  assertEquals(space.findFree(0x1000, 0x15000), 0x12000);
  assertEquals(space.findFree(0x2000, 0x15000, 0xf000), -1);
});

Deno.test("strings stop at NUL or the limit, across pages, as UTF-8", async () => {
  const { memory, slab } = await machine("x86_64");
  const at = slab.frames.alloc(1) + 4090;
  memory.writeString(at, "naïve résumé.txt");
  assertEquals(memory.readString(at), "naïve résumé.txt");
  assertEquals(memory.probeReadString(at, 2), "na");
  assertEquals(memory.writeString(at, "0123456789", 5), 5);
  assertEquals(memory.readString(at), "0123");
});

Deno.test("fields of real structures read and write in place", async () => {
  for (const arch of ARCHES) {
    const { slab, structs } = await machine(arch);
    const file = slab.alloc("filp", structs.size("struct file"));
    const dentry = slab.alloc("dentry", structs.size("struct dentry"));
    const path = structs.field("struct file", "f_path.dentry");
    path.set(file, dentry);
    structs.field("struct file", "f_flags").set(file, 0x8000);
    assertEquals([path.get(file), structs.field("struct file", "f_flags").get(file)], [dentry, 0x8000]);
    const iname = structs.field("struct dentry", "d_iname");
    iname.setString(dentry, "a name that is much longer than the forty bytes there");
    assertEquals(iname.string(dentry).length, iname.size - 1);
    assertThrows(
      () => structs.field("struct file", "f_pos_"),
      Error,
      'Cannot find field "f_pos_" of struct file',
    );
    assertThrows(
      () => structs.field("struct no_such_thing", "x"),
      Error,
      'Cannot find type "struct no_such_thing"',
    );
  }
});

Deno.test("bit-fields leave their neighbours alone", async () => {
  const { slab, structs } = await machine("x86_64");
  const task = slab.alloc("task_struct", structs.size("struct task_struct"));
  const names = ["in_execve", "in_iowait", "no_cgroup_migration"].filter((n) =>
    structs.has("struct task_struct", n)
  );
  assert(names.length >= 2);
  const fields = names.map((n) => structs.field("struct task_struct", n));
  fields.forEach((f) => f.set(task, 1));
  fields[0]?.set(task, 0);
  assertEquals(fields.map((f) => f.get(task)), names.map((_, i) => i === 0 ? 0 : 1));
});

Deno.test("slab objects are aligned, never overlap, and are used again last freed first", async () => {
  for (const arch of ARCHES) {
    const { slab, model } = await machine(arch);
    const sizes = {
      filp: 232,
      dentry: 192,
      inode_cache: 616,
      "kmalloc-64": 64,
      "kmalloc-96": 96,
      "kmalloc-2k": 2048,
    };
    const live = new Map<number, [string, number]>();
    const freed: [string, number][] = [];
    const step = fc.tuple(fc.constantFrom(...Object.keys(sizes)), fc.boolean(), fc.nat(1000));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        for (const [name, allocate, pick] of steps) {
          if (allocate || live.size === 0) {
            const size = sizes[name as keyof typeof sizes];
            const address = slab.alloc(name, size);
            const last = freed.findLastIndex(([cache]) => cache === name);
            if (last >= 0) assertEquals(freed.splice(last, 1)[0]?.[1], address);
            for (const [other, [, length]] of live) {
              assert(address + size <= other || other + length <= address);
            }
            assertEquals(Math.abs(address % model.wordSize), 0);
            if (name === "kmalloc-64" || name === "filp") assertEquals(Math.abs(address % 64), 0);
            live.set(address, [name, size]);
          } else {
            const [address, [cache]] = [...live][pick % live.size] as [number, [string, number]];
            slab.free(cache, address);
            live.delete(address);
            freed.push([cache, address]);
          }
        }
        for (const cache of slab.caches()) {
          assertEquals(cache.active, [...live.values()].filter(([name]) => name === cache.name).length);
        }
      }),
      { numRuns: 20 },
    );
  }
});

Deno.test("slab refuses what is no object of the cache", async () => {
  const { slab } = await machine("x86_64");
  const a = slab.kmalloc(60);
  assertEquals(slab.cacheOf(a), "kmalloc-64");
  assertThrows(() => slab.free("filp", a), Error, 'it belongs to "kmalloc-64"');
  slab.kfree(a);
  assertThrows(() => slab.kfree(a), Error, "no live object begins there");
  slab.kfree(0);
  assertThrows(() => slab.alloc("filp"), Error, "its first allocation must tell the object size");
  slab.alloc("filp", 232);
  assertThrows(() => slab.alloc("filp", 240), Error, "its objects have 232");
  assertEquals(slab.kmalloc(60), a);
  assertEquals(slab.cache("kmalloc-64")?.objectsPerSlab, 64);
});
