import { assertEquals } from "@std/assert";
import { coreImage } from "../image/load.ts";
import type { Arch } from "../image/model.ts";
import { argumentFault, stackDepthFault } from "./limits.ts";

Deno.test("a stack is 1 to 1024 frames deep", () => {
  for (const depth of [1, 127, 1024]) assertEquals(stackDepthFault(depth), undefined);
  for (const depth of [0, -1, 1025, 1.5, NaN]) {
    assertEquals(
      stackDepthFault(depth),
      `Cannot take a stack of ${depth} frames: the depth is from 1 to 1024`,
    );
  }
});

const cases: readonly (readonly [arch: Arch, name: string, last: number, refused: string])[] = [
  // All registers can be read, whatever the function takes.
  [
    "x86_64",
    "vfs_open",
    5,
    "6 are in registers, and int vfs_open(const struct path * path, struct file * file) takes 2 words",
  ],
  [
    "arm64",
    "vfs_open",
    7,
    "8 are in registers, and int vfs_open(const struct path * path, struct file * file) takes 2 words",
  ],
  // The fourth parameter is on the stack.
  [
    "i386",
    "vfs_read",
    3,
    "3 are in registers, and ssize_t vfs_read(struct file * file, char * buf, size_t count, loff_t * pos) takes 4 words",
  ],
];

for (const [arch, name, last, refused] of cases) {
  Deno.test(`${name} has argument words 0 to ${last} on ${arch}`, async () => {
    const image = await coreImage(arch);
    const prototype = image.prototype(name);
    assertEquals(argumentFault(0, image, prototype), undefined);
    assertEquals(argumentFault(last, image, prototype), undefined);
    assertEquals(argumentFault(last + 1, image, prototype), `Cannot read argument ${last + 1}: ${refused}`);
  });
}

Deno.test("without a prototype the stack is the limit; no index is negative or broken", async () => {
  const image = await coreImage("x86_64");
  assertEquals(argumentFault(99, image, undefined), undefined);
  assertEquals(
    argumentFault(6 + 2048, image, undefined),
    "Cannot read argument 2054: 6 are in registers, and a kernel stack has 2048 words",
  );
  for (const index of [-1, 0.5, NaN]) {
    assertEquals(
      argumentFault(index, image, undefined),
      `Cannot read argument ${index}: the number of an argument is a whole number from 0 up`,
    );
  }
});
