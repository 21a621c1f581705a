import { assertEquals } from "@std/assert";
import { coreImage, coreShapes } from "../../image/mod.ts";
import type { Arch } from "../../image/model.ts";
import { Kernel } from "../../kernel/kernel.ts";
import { ShapeLibrary } from "../../kernel/shapes/library.ts";
import { builtinWorkload } from "../builtin.ts";

/** System calls that a workload makes, in their order, with the sign of their results. */
async function calls(arch: Arch, specification: string): Promise<readonly string[]> {
  const k = new Kernel(await coreImage(arch), ShapeLibrary.decode(await coreShapes(arch)));
  const log: string[] = [];
  const running = new Map<number, string>();
  k.tracepoints.register("raw_syscalls:sys_enter", (record) => {
    const id = record.info.fields.find((field) => field.name === "id");
    running.set(
      k.current.pid,
      k.image.syscallName(id === undefined ? -1 : record.load(id.offset, id.size, true)) ?? "?",
    );
  });
  k.tracepoints.register("raw_syscalls:sys_exit", (record) => {
    const ret = record.info.fields.find((field) => field.name === "ret");
    const result = ret === undefined ? 0 : record.load(ret.offset, ret.size, true);
    log.push(`${running.get(k.current.pid)}${result < 0 && result > -4096 ? ` ${result}` : ""}`);
  });
  builtinWorkload(specification).start(k);
  assertEquals(k.scheduler.run().reason, "done");
  return log;
}

Deno.test("each small program makes its calls and no others", async () => {
  assertEquals(await calls("x86_64", "rw:2"), [
    ..."openat write lseek read close openat write lseek read close".split(" "),
  ]);
  assertEquals(await calls("arm64", "openfail:3"), ["openat -2", "openat -2", "openat -2"]);
  assertEquals(await calls("arm64", "memory"), ["mmap", "munmap", "brk", "brk", "brk"]);
  assertEquals((await calls("x86_64", "fork:2")).filter((call) => call === "wait4").length, 2);
  assertEquals((await calls("arm64", "exec:2")).filter((call) => call === "execve").length, 2);
});

Deno.test("a sleep is the call that the C library makes of it", async () => {
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    assertEquals(await calls(arch, "sleepers:1,1000,2"), ["clock_nanosleep", "clock_nanosleep"]);
  }
});
