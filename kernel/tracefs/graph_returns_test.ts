import { assertEquals } from "@std/assert";
import { coreShapes, fullImage } from "../../image/mod.ts";
import type { Arch } from "../../image/model.ts";
import { Kernel } from "../kernel.ts";
import { ShapeLibrary } from "../shapes/library.ts";
import { TestProgram } from "../syscalls/test_program.ts";
import { cat, echo } from "./testing.ts";

/** Lines of three probes, with or without a graph tracer on the first two functions. */
async function lines(arch: Arch, graph: boolean): Promise<readonly string[]> {
  const k = new Kernel(await fullImage(arch), ShapeLibrary.decode(await coreShapes(arch)));
  const stack = arch === "arm64" ? "%lr" : "$stack0";
  echo(
    k,
    `r:t/r do_filp_open\np:t/e do_filp_open s=${stack}:symbol\nr:t/o getname`,
    "kprobe_events",
  );
  echo(k, "do_filp_open", "set_ftrace_filter");
  if (graph) echo(k, "function_graph", "current_tracer");
  echo(k, "1", "events/t/enable");
  const task = k.tasks.create({ comm: "opener" });
  const program = new TestProgram(k, task);
  k.scheduler.spawn(
    task,
    (function* () {
      yield* program.call("openat", -100, "/none", 0, 0);
    })(),
  );
  k.scheduler.run();
  return cat(k, "trace").match(/[eor]: \(.*?\)(?: s=\S+)?/g) ?? [];
}

Deno.test("a graph tracer stands in the return addresses that x86_64's probes find, on its functions only", async () => {
  const place = /do_sys_openat2\+0x[0-9a-f]+\/0x[0-9a-f]+/g;
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    const plain = await lines(arch, false);
    assertEquals(plain.map((line) => line.replace(/\/0x[0-9a-f]+|\+0x[1-9a-f][0-9a-f]*/g, "")), [
      "o: (do_sys_openat2 <- getname)",
      "e: (do_filp_open+0x0) s=do_sys_openat2",
      "r: (do_sys_openat2 <- do_filp_open)",
    ]);
    const expected = arch !== "x86_64"
      ? plain
      : plain.map((line, i) => i === 0 ? line : line.replace(place, "return_to_handler+0x0/0x40"));
    assertEquals(await lines(arch, true), expected, arch);
  }
});
