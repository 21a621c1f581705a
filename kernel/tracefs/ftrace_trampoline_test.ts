import { assertEquals } from "@std/assert";
import { coreImage, fullImage } from "../../image/load.ts";
import { archModel } from "../arch/mod.ts";
import { ftraceTrampoline, ftraceTrampolineReturn } from "./ftrace_trampoline.ts";

Deno.test("a callback returns into its trampoline, at the offset that recorded stacks show", async () => {
  const { layout } = archModel("x86_64");
  for (const image of [await coreImage("x86_64"), await fullImage("x86_64")]) {
    // Recorded: 0xffffffffc03c30c8, of a trampoline at a page's start.
    assertEquals(ftraceTrampolineReturn(image, layout) - ftraceTrampoline(layout), 0xc8);
  }
});
