import { assertEquals, assertThrows } from "@std/assert";
import { bootKernel } from "./boot.ts";
import { cutWord, type ObjectReader, wordValue } from "./objects.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { CType } from "../image/model.ts";

async function reader(): Promise<{ readonly k: Kernel; readonly reader: ObjectReader }> {
  const k = await bootKernel();
  return {
    k,
    reader: {
      image: k.image,
      load: (address, size, signed) => k.memory.probeReadInt(address, size, signed) || 0,
      str: (address, max) => k.memory.probeReadString(address, max) ?? "",
    },
  };
}

function pointerTo(k: Kernel, name: string): CType {
  const to = k.image.type(name);
  if (to === undefined) throw new Error(`no ${name}`);
  return { kind: "ptr", id: -1, to };
}

Deno.test("a task reads field by field, pointers followed", async () => {
  const { k, reader: r } = await reader();
  const task = k.tasks.create({ comm: "sample" });
  const view = wordValue(r, pointerTo(k, "struct task_struct"), task.address) as Record<string, unknown>;
  assertEquals(view["comm"], "sample");
  assertEquals(view["pid"], task.pid);
  assertEquals((view["group_leader"] as Record<string, unknown>)["tgid"], task.tgid);
  assertEquals(view["isNull"], false);
  assertEquals(typeof view["address"], "bigint");
});

Deno.test("a struct's own field wins over what pointers are asked", async () => {
  const { k, reader: r } = await reader();
  const size = k.structs.size("struct vm_fault");
  const at = k.slab.alloc("kmalloc-128");
  assertEquals(size <= 128, true);
  k.structs.field("struct vm_fault", "address").set(at, 0x1234);
  const view = wordValue(r, pointerTo(k, "struct vm_fault"), at) as Record<string, unknown>;
  assertEquals(view["address"], 0x1234);
});

Deno.test("an unknown field is a sentence, a bad pointer reads zeros", async () => {
  const { k, reader: r } = await reader();
  const view = wordValue(r, pointerTo(k, "struct file"), 0) as Record<string, unknown>;
  assertEquals(view["f_flags"], 0);
  assertEquals(view["isNull"], true);
  assertThrows(
    () => view["f_flgs"],
    TypeError,
    'Cannot read field "f_flgs": struct file has no such field; did you mean "f_flags"?',
  );
});

Deno.test("words are cut to their C type", () => {
  assertEquals(cutWord(-100, 4, true), -100);
  assertEquals(cutWord(-100, 4, false), 4294967196);
  assertEquals(cutWord(0x1ff, 1, true), -1);
  assertEquals(cutWord(0x1ff, 1, false), 255);
  assertEquals(cutWord(-1, 8, true), -1);
  assertThrows(() => cutWord(-1, 8, false), RangeError, "18446744073709551615");
});
