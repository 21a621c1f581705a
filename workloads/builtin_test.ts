import { assertEquals, assertThrows } from "@std/assert";
import { builtinWorkload, builtinWorkloads } from "./builtin.ts";

Deno.test("every built-in workload is made by its name, with its defaults", () => {
  for (const { name, parameters } of builtinWorkloads()) {
    assertEquals(builtinWorkload(name).name, name);
    assertEquals(builtinWorkload(name, parameters).description, builtinWorkload(name).description);
  }
});

Deno.test("parameters stand after the name, or beside it", () => {
  assertEquals(
    builtinWorkload("sleepers:tasks=4,ns=500,times=2").description,
    "4 tasks sleep 2 times for 500 ns",
  );
  assertEquals(builtinWorkload("sleepers:4,500").description, "4 tasks sleep 5 times for 500 ns");
  assertEquals(builtinWorkload("dd:blocks=8").description, builtinWorkload("dd", { blocks: 8 }).description);
});

Deno.test("a wrong name or parameter is told, with what would do", () => {
  const cases: [string, string][] = [
    ["sleeprs", 'Cannot run workload "sleeprs": there is none of that name; did you mean "sleepers"?'],
    [
      "nonsense",
      'Cannot run workload "nonsense": there is none of that name; the built-in ones are cat, dd, exec, fork, memory, openfail, pipeline, rw, sleepers, tree',
    ],
    ["dd:block=3", 'Cannot run workload "dd": it has no parameter "block"; did you mean "blocks"?'],
    ["cat:lines=3", 'Cannot run workload "cat": it has no parameter "lines"; it has none'],
    ["dd:blocks=x", 'Cannot run workload "dd": blocks is NaN, and must be a positive integer'],
    ["dd:3,4", 'Cannot run workload "dd": there is no parameter for "4"; it has blocks'],
    ["dd:blocks", 'Cannot run workload "dd": the parameter "blocks" has no value; write NAME=NUMBER'],
  ];
  for (const [name, message] of cases) assertThrows(() => builtinWorkload(name), Error, message);
});
