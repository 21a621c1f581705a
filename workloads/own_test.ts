import { assertEquals, assertThrows } from "@std/assert";
import { workloadOf } from "./own.ts";
import { programWorkload, type Steps } from "./program.ts";
import type { Sys } from "./sys.ts";

Deno.test("a module's generator functions are programs, named after themselves or the file", () => {
  function* reader(sys: Sys): Steps<void> {
    yield* sys.open("/etc/hosts");
  }
  assertEquals(workloadOf(reader, "dir/mine.ts").description, "dir/mine.ts: a program");
  assertEquals(workloadOf([reader, reader], "mine.ts").description, "mine.ts: 2 programs");
  assertEquals(workloadOf(reader, "dir/mine.ts").name, "mine");
  const made = programWorkload({ name: "x", description: "y", programs: [] });
  assertEquals(workloadOf(made, "mine.ts"), made);
});

Deno.test("what is no workload is refused with what would do", () => {
  const cases: [unknown, RegExp][] = [
    [
      undefined,
      /Cannot run "a.ts" as a workload: its default export is missing; export a generator function/,
    ],
    [() => {}, /its default export is an ordinary function/],
    [[], /its default export is an empty array/],
    [{ start: 1 }, /its default export is an object/],
  ];
  for (const [value, wanted] of cases) {
    const error = assertThrows(() => workloadOf(value, "a.ts"), Error);
    assertEquals(wanted.test(error.message), true, error.message);
  }
});
