import { assertEquals } from "@std/assert";
import { type Source, ValueHistory } from "./value_rules.ts";

const POINTER = -0x700000000000;

function source(args: readonly number[], results: Record<string, number> = {}, current = NaN): Source {
  return { args, results: new Map(Object.entries(results)), current, onStack: (address) => address > 1e15 };
}

function decide(
  samples: readonly [number, Source][],
  same: readonly number[] = [],
  fixed: readonly number[] = [],
) {
  const history = new ValueHistory();
  for (const [value, from] of samples) history.add(value, from);
  return history.decide((value) => fixed.includes(value), (i) => same.includes(i));
}

Deno.test("a value that follows the caller's argument, with an offset into the same object", () => {
  assertEquals(decide([[POINTER, source([1, POINTER])], [POINTER + 64, source([1, POINTER + 64])]]), {
    from: "argument",
    index: 1,
    plus: 0,
  });
  const inner: [number, Source][] = [0, 512, 4096].map((d) => [POINTER + d + 16, source([POINTER + d])]);
  assertEquals(decide(inner), { from: "argument", index: 0, plus: 16 });
});

Deno.test("a result of an earlier call, the running task, a constant", () => {
  const results: [number, Source][] = [1, 2, 3].map((
    n,
  ) => [POINTER + n * 64, source([], { alloc: POINTER + n * 64 })]);
  assertEquals(decide(results), { from: "result", fn: "alloc", plus: 0 });
  const tasks: [number, Source][] = [1, 2].map((n) => [POINTER + n, source([5], {}, POINTER + n)]);
  assertEquals(decide(tasks), { from: "current" });
  assertEquals(decide([[64, source([])], [64, source([])]]), { from: "constant", value: 64 });
  assertEquals(decide([[POINTER, source([])]], [], [POINTER]), { from: "constant", value: POINTER });
});

Deno.test("what nothing determines stays unknown", () => {
  assertEquals(decide([[POINTER, source([1])], [POINTER + 8, source([1])]]), undefined);
  assertEquals(decide([[POINTER, source([])]]), undefined);
  assertEquals(decide([[77, source([])]]), undefined);
  assertEquals(decide([]), undefined);
});

Deno.test("equal small numbers are no evidence, unless the parameters have one name", () => {
  const flags: [number, Source][] = [1, 2, 3].map(() => [4, source([4])]);
  assertEquals(decide(flags), { from: "constant", value: 4 });
  assertEquals(decide(flags, [0]), { from: "argument", index: 0, plus: 0 });
});

Deno.test("distances between variables on the stack are no rule", () => {
  const locals: [number, Source][] = [0, 64, 128].map((d) => [2e15 + d, source([2e15 + d + 40])]);
  assertEquals(decide(locals), undefined);
});
