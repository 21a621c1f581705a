import { assertEquals } from "@std/assert";
import { compareRuns, edgeGaps } from "./compare.ts";
import { pairCalls } from "./pairing.ts";
import { type Sketch, tree } from "./testing.ts";

const run = (...tasks: readonly (readonly [number, ...Sketch[]])[]) =>
  tasks.map(([pid, ...roots]) => ({ task: String(pid), roots: roots.map(tree) }));
const names = (text: string) => text.split(" ").map(tree);
const paired = (recorded: string, modeled: string) =>
  pairCalls(names(recorded), names(modeled)).map(({ recorded, modeled }) =>
    `${recorded?.fn ?? "-"}:${modeled?.fn ?? "-"}`
  ).join(" ");

Deno.test("system calls are paired in order; what one run has alone stays alone", () => {
  assertEquals(paired("a b c d", "a c d"), "a:a b:- c:c d:d");
  assertEquals(paired("a b c", "a x b c y"), "a:a -:x b:b c:c -:y");
  assertEquals(paired("a b", "b a"), "a:- b:b -:a");
});

Deno.test("the tracer's calls, and the shell's up to execve, are left out", () => {
  const recorded = run(
    [9, "mutex_unlock", ["__x64_sys_dup2", "do_dup2"], ["__x64_sys_execve", "getname"], [
      "__x64_sys_read",
      "a",
    ]],
  );
  const modeled = run([3, ["__x64_sys_execve", "getname"], ["__x64_sys_read", "b"]]);
  const { plain, calls } = compareRuns(recorded, modeled);
  assertEquals(plain, { recorded: 2, modeled: 2, common: 1 });
  assertEquals(calls.map((call) => [call.name, call.score.common]), [["execve", 1], ["read", 0]]);
});

Deno.test("tasks are matched by pid, calls with the one in their place", () => {
  const read = (callee: string): Sketch => ["__x64_sys_read", callee];
  const recorded = run([8, ["__x64_sys_write", "c"]], [7, read("a"), read("b")]);
  const modeled = run([1, read("b"), read("a")], [2, ["__x64_sys_write", "c"]]);
  const { weighted, inPlace } = compareRuns(recorded, modeled);
  assertEquals(weighted, { recorded: 3, modeled: 3, common: 3 });
  assertEquals(inPlace, { recorded: 3, modeled: 3, common: 1 });
});

Deno.test("gaps are the calls that one side has more often", () => {
  const gaps = edgeGaps(new Map([["a b", 3], ["a c", 1], ["a d", 2]]), new Map([["a b", 1], ["a d", 2]]));
  assertEquals(gaps, [{ edge: "a b", count: 2, whole: false }, { edge: "a c", count: 1, whole: true }]);
});
