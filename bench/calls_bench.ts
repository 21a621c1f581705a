/**
 * How fast the call engine goes: calls that are walked, calls that are accounted for in one step, and armed hits.
 *
 * @module
 */

import { type FakeKernel, fakeKernel } from "../kernel/calls/fake_kernel.ts";
import { behaviour } from "../kernel/calls/function.ts";
import { Forest } from "../kernel/shapes/forest.ts";
import { median, rate } from "./median.ts";

/** Medians of some rounds, per second. */
export interface CallRates {
  /** Behaviours called, nothing armed: one by one. */
  readonly walked: number;
  /** Calls of their padding, nothing armed: in one step. */
  readonly accounted: number;
  /** Hits of a counting hook on the innermost function. */
  readonly hits: number;
}

const ROUNDS = 7;
const CALLS = 20_000;

const leaf = behaviour("bench_leaf", [], (_k, a) => (a ?? 0) + 1);
const middle = behaviour(
  "bench_middle",
  [leaf],
  (k, a = 0) => k.call(leaf, a) + k.call(leaf, a + 1) + k.call(leaf, a + 2),
);
const top = behaviour("bench_top", [middle], (k, a = 0) => {
  let sum = 0;
  for (let i = 0; i < 10; i++) sum += k.call(middle, a + i);
  return sum;
});

const TEXT = {
  bench_top: ["bench_middle"],
  bench_middle: ["bench_leaf", "bench_lock"],
  bench_leaf: [],
  bench_lock: [],
};

/** A recording of the three behaviours, with four shaped calls around every three. */
function recording(): Forest {
  const forest = new Forest();
  const inner = { fn: "bench_leaf", self: 5, outcome: "positive" as const };
  const lock = { fn: "bench_lock", self: 3 };
  const calls = [lock, inner, lock, inner, lock, inner, lock];
  const call = { fn: "bench_middle", self: 5, outcome: "positive" as const, calls };
  forest.add({
    fn: "bench_top",
    self: 10,
    outcome: "positive",
    calls: Array.from({ length: 10 }, () => call),
  });
  return forest;
}

/** Runs root calls; gives the seconds that it took. */
function run({ engine, task }: FakeKernel, calls: number): number {
  const start = performance.now();
  for (let i = 0; i < calls; i++) engine.enter(task, top, [i], undefined, { kind: "bare" });
  return (performance.now() - start) / 1000;
}

/** Measures walked and accounted calls, and armed hits. */
export function benchCalls(): CallRates {
  const fake = fakeKernel(TEXT, { shapes: recording() });
  run(fake, CALLS);
  const walked: number[] = [];
  const accounted: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const before = { ...fake.engine.stats };
    const seconds = run(fake, CALLS);
    walked.push((fake.engine.stats.walked - before.walked) / seconds);
    accounted.push((fake.engine.stats.accounted - before.accounted) / seconds);
  }
  const fn = fake.engine.functionByName("bench_leaf");
  if (fn === undefined) throw new Error('Cannot measure hits: "bench_leaf" is missing');
  let hits = 0;
  fn.hooks = {
    offsets: [],
    entry: () => {
      hits++;
      return false;
    },
    at: () => {},
  };
  run(fake, CALLS);
  const perSecond: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    hits = 0;
    const seconds = run(fake, CALLS);
    perSecond.push(hits / seconds);
  }
  return { walked: median(walked), accounted: median(accounted), hits: median(perSecond) };
}

/** The rates, as lines to print. */
export function callLines(rates: CallRates): string {
  return `nothing armed: ${rate(rates.walked)} calls/s walked and with them ${
    rate(rates.accounted)
  }/s accounted for, ` +
    `${rate(rates.walked + rates.accounted)} in all\n` +
    `a counting hook on the innermost function: ${rate(rates.hits)} hits/s\n`;
}

if (import.meta.main) console.log(callLines(benchCalls()).trimEnd());
