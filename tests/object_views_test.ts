/** The two views of kernel objects, of handlers and of the prompt, read the same from the same memory. */

import { assertEquals } from "@std/assert";
import { shapeOf } from "../image/c_value.ts";
import type { CType } from "../image/model.ts";
import { object } from "../inspect/object.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { ARCHES, bootKernel } from "../session/boot.ts";
import { readValue } from "../session/objects.ts";

/** Scalars, strings and arrays as plain data; what else there is by its address. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null) return value;
  const address: unknown = Reflect.get(value, "address_" in value ? "address_" : "address");
  return typeof address === "bigint" ? `at ${address}` : "elsewhere";
}

/** Where views differ on purpose: what cannot be read, numbers beyond 2^53, pointers. */
function comparable(type: CType): boolean {
  const shape = shapeOf(type);
  if (shape.is === "array") return comparable(shape.of);
  return shape.is === "bool" || shape.is === "characters" || shape.is === "integer" && shape.size < 8;
}

function compared(k: Kernel, name: string): number {
  const type = k.image.type(name);
  if (type === undefined) throw new Error(`no ${name}`);
  const size = k.image.sizeOf(type);
  const at = k.slab.alloc("kmalloc-8k");
  let byte = 7;
  for (let i = 0; i < Math.min(size, 8192); i++) k.memory.store(at + i, 1, byte = (byte * 73 + 41) & 0xff);
  const reader = {
    image: k.image,
    load: (address: number, bytes: number, signed: boolean) => k.memory.probeReadInt(address, bytes, signed),
    str: (address: number, max: number) => k.memory.probeReadString(address, max) ?? "",
  };
  const handler = readValue(reader, type, at) as Readonly<Record<string, unknown>>;
  const prompt = object(k, name, at);
  let seen = 0;
  for (const field of k.image.fieldNames(type)) {
    const layout = k.image.field(type, field);
    if (layout === undefined || layout.offset + 8 > 8192 || layout.bitSize > 53 || !comparable(layout.type)) {
      continue;
    }
    assertEquals(plain(handler[field]), plain(prompt[field]), `${name}.${field}`);
    seen++;
  }
  return seen;
}

for (const arch of ARCHES) {
  Deno.test(`fields read alike at the prompt and in handlers (${arch})`, async () => {
    const k = await bootKernel({ arch });
    const seen = ["struct task_struct", "struct inode", "struct super_block", "struct sk_buff", "struct file"]
      .map((name) => compared(k, name));
    assertEquals(seen.every((count) => count > 3), true, seen.join(" "));
  });
}
