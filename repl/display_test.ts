import { assert, assertEquals } from "@std/assert";
import { attach, bootKernel, builtinWorkload, kprobe, program, run } from "../mod.ts";
import { display } from "./display.ts";

const OPTIONS = { colors: false, columns: 80 };
const opens = program({ opens: kprobe("vfs_open").by((c) => c.comm).count() });

Deno.test("probes and programs say that they are not attached", () => {
  assertEquals(display(kprobe("vfs_open"), OPTIONS), "kprobe:vfs_open (not attached; attach(_) does)");
  assertEquals(display(opens, OPTIONS), "program of kprobe:vfs_open (not attached; attach(_) does)");
});

Deno.test("a session shows its probes, a kernel and a task who they are", async () => {
  const kernel = await bootKernel({ arch: "arm64" });
  const session = attach(opens, kernel);
  assertEquals(display(session, OPTIONS), "attached: kprobe:vfs_open (0 hits, 0 missed)");
  session.detach();
  assertEquals(display(session, OPTIONS), "detached: kprobe:vfs_open (0 hits, 0 missed)");
  assert(/^Linux \S+ on arm64: 2 CPUs, 2 tasks, \d+ functions, at 0 ns$/.test(display(kernel, OPTIONS)));
  assert(display(kernel.tasks.init, OPTIONS).startsWith('task 1 "init" on CPU 0'));
});

Deno.test("a run shows its output, its maps their entries", async () => {
  const result = await run(opens, { workload: builtinWorkload("cat") });
  assert(display(result, OPTIONS).includes("@opens[cat]: 4"));
  assert(display(result.maps, OPTIONS).includes('"cat" => 4'), display(result.maps, OPTIONS));
  assert(display(result.maps.opens, OPTIONS).includes('"cat" => 4'));
});

Deno.test("other values are JavaScript's, long ones are cut", () => {
  assertEquals(display({ a: [1, "b"] }, OPTIONS), '{ a: [ 1, "b" ] }');
  assertEquals(display("text", OPTIONS), '"text"');
  assertEquals(display("two\nlines\n", OPTIONS), "two\nlines");
  const long = display(
    Array.from({ length: 1000 }, (_, i) => ({ name: `number ${i}`, more: "x".repeat(60) })),
    OPTIONS,
  );
  assertEquals(long.split("\n").length, 60);
  assert(long.endsWith("more lines"));
});
