import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { kernelSort } from "./kernel_sort.ts";

Deno.test("the kernel's sort sorts", () => {
  fc.assert(fc.property(fc.array(fc.integer()), (numbers) => {
    assertEquals(kernelSort([...numbers], (a, b) => a - b), numbers.toSorted((a, b) => a - b));
  }));
});

Deno.test("equal elements come out as heap sort leaves them", () => {
  assertEquals(kernelSort([1, 21, 56, 63], () => 0), [21, 56, 63, 1]);
  assertEquals(kernelSort([], () => 0), []);
});
