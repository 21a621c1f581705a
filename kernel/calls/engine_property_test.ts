/**
 * Properties of random call trees under random behaviours and random arming.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Forest, type Tree } from "../shapes/forest.ts";
import { mixKey } from "./choice.ts";
import { behaviour, fn } from "./function.ts";
import { fakeKernel, type FakeText } from "./fake_kernel.ts";

const NAMES = Array.from({ length: 12 }, (_, i) => `q_f${i}`);
/** Functions 0 to 3 have behaviours; each calls some of the later ones. */
const BEHAVED = 4;
const TEXT: FakeText = Object.fromEntries(NAMES.map((name, i) => [name, NAMES.slice(i + 1)]));

for (let i = BEHAVED - 1; i >= 0; i--) {
  const callees = NAMES.slice(i + 1, i + 5).map(fn);
  behaviour(NAMES[i]!, callees, (k, ...args) => {
    // What it does depends on its own arguments alone, as a real behaviour's on the state it sees.
    let key = mixKey(i, args[0]!);
    let result = 0;
    for (let n = (key >>> 0) % 4; n > 0; n--) {
      key = mixKey(key, n);
      const value = k.call(callees[(key >>> 0) % callees.length]!, key & 0xff, n);
      result += Number.isNaN(value) ? 1 : value;
    }
    return (result & 0xff) - ((key & 1) === 0 ? 0 : 300);
  });
}

/** Trees in which a function calls later ones only, results by rules. */
function treeOf(index: number, depth: number): fc.Arbitrary<Tree> {
  const calls = depth === 0 || index + 1 >= NAMES.length
    ? fc.constant([])
    : fc.array(fc.integer({ min: index + 1, max: NAMES.length - 1 }).chain((i) => treeOf(i, depth - 1)), {
      maxLength: 5,
    });
  return fc.record({
    fn: fc.constant(NAMES[index]!),
    self: fc.integer({ min: 1, max: 200 }),
    outcome: fc.constantFrom("zero" as const, "positive" as const, "errno" as const, "unknown" as const),
    result: fc.constantFrom(
      undefined,
      { from: "constant" as const, value: 3 },
      { from: "argument" as const, index: 0, plus: 0 },
      { from: "result" as const, fn: Math.min(index + 1, NAMES.length - 1), plus: 1 },
    ),
    calls,
  });
}

const forestOf = fc.array(treeOf(0, 3), { minLength: 1, maxLength: 4 }).map((trees) => {
  const forest = new Forest();
  // Ids as the rules above number them.
  for (const name of NAMES) forest.functionId(name);
  for (const tree of trees) forest.add(tree);
  for (let i = 0; i < NAMES.length; i++) {
    for (let j = i + 1; j < NAMES.length; j++) {
      forest.setArgumentRules(NAMES[i]!, NAMES[j]!, [{ from: "argument", index: 0, plus: j - i }, undefined]);
    }
  }
  return forest;
});

interface Interval {
  /** The armed call around it. */
  readonly outer: Interval | undefined;
  readonly start: number;
  end: number;
  readonly stack: readonly number[];
}

/** Runs some system calls; gives what can be seen of them. */
function observe(
  forest: Forest,
  armed: readonly number[],
  budgets: readonly (number | undefined)[],
  seed: number,
  defers = true,
) {
  const open: Interval[] = [];
  const intervals: Interval[] = [];
  const { k, engine, task } = fakeKernel(TEXT, {
    shapes: forest,
    seed,
    onReturn: () => {
      const interval = open.pop();
      if (interval !== undefined) interval.end = k.clock.now;
    },
  });
  engine.defers = defers;
  const badOffsets: number[] = [];
  for (const i of armed) {
    engine.functionByName(NAMES[i]!)!.hooks = {
      offsets: [],
      entry: () => {
        const stack = engine.stack(task);
        const interval: Interval = { outer: open[open.length - 1], start: k.clock.now, end: NaN, stack };
        open.push(interval);
        intervals.push(interval);
        for (const address of stack) {
          const offset = ((address % 0x1000) + 0x1000) % 0x1000;
          if (offset % 0x10 !== 5) badOffsets.push(address);
        }
        return true;
      },
      at: () => {},
    };
  }
  const ends: number[] = [];
  const results = budgets.map((budget, i) => {
    task.syscalls = i;
    const result = engine.enter(task, fn(NAMES[0]!), [i], budget, { kind: "bare" });
    ends.push(k.clock.now);
    return result;
  });
  return {
    ends,
    results,
    intervals,
    badOffsets,
    calls: engine.stats.walked + engine.stats.accounted,
    depth: task.depth,
  };
}

const budgetList = fc.array(fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined }), {
  minLength: 1,
  maxLength: 5,
});
const armedList = fc.uniqueArray(fc.integer({ min: 0, max: NAMES.length - 1 }));

Deno.test("virtual time, results and the number of calls are the same whatever is armed", () => {
  fc.assert(
    fc.property(forestOf, armedList, armedList, budgetList, fc.nat(), (forest, a, b, budgets, seed) => {
      const one = observe(forest, a, budgets, seed, false);
      const other = observe(forest, b, budgets, seed, false);
      assertEquals(one.ends, other.ends);
      assertEquals(one.results, other.results);
      assertEquals(one.calls, other.calls);
      const deferring = observe(forest, a, budgets, seed);
      assertEquals({ ...deferring, calls: one.calls }, one);
    }),
    { numRuns: 150 },
  );
});

Deno.test("a root call takes exactly its budget, and times of calls nest", () => {
  fc.assert(
    fc.property(forestOf, armedList, budgetList, fc.nat(), (forest, armed, budgets, seed) => {
      const { ends, intervals, depth, badOffsets } = observe(forest, armed, budgets, seed);
      let start = 0;
      ends.forEach((end, i) => {
        const budget = budgets[i];
        if (budget !== undefined) assertEquals(end - start, budget);
        start = end;
      });
      assertEquals(depth, 0);
      assertEquals(badOffsets, []);
      for (const { outer, start, end } of intervals) {
        assert(start <= end);
        if (outer !== undefined) assert(outer.start <= start && end <= outer.end);
      }
    }),
    { numRuns: 150 },
  );
});
