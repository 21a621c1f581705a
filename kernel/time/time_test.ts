import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Clock } from "./clock.ts";
import { type Event, EventQueue } from "./events.ts";
import { KeyedRandom, keyOf } from "./random.ts";
import { Timer } from "./timers.ts";

Deno.test("events run by time, then in the order of scheduling, whatever is cancelled or added meanwhile", () => {
  const step = fc.oneof(
    fc.record({ op: fc.constant("at" as const), time: fc.nat(20) }),
    fc.record({ op: fc.constant("cancel" as const), which: fc.nat(60) }),
    fc.record({ op: fc.constant("run" as const) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
    const clock = new Clock();
    const queue = new EventQueue();
    const waiting: { event: Event; id: number; time: number }[] = [];
    const ran: number[] = [];
    const expected: number[] = [];
    let id = 0;
    const runOne = () => {
      const next = waiting.slice().sort((a, b) => a.time - b.time || a.id - b.id)[0];
      assertEquals(queue.nextTime, next?.time ?? Infinity);
      assertEquals(queue.runNext(clock), next !== undefined);
      if (next === undefined) return;
      expected.push(next.id);
      assertEquals(clock.now, next.time);
      waiting.splice(waiting.indexOf(next), 1);
    };
    for (const s of steps) {
      if (s.op === "at") {
        const mine = id++;
        waiting.push({ event: queue.at(s.time, () => ran.push(mine)), id: mine, time: s.time });
      } else if (s.op === "cancel" && waiting.length > 0) {
        const [gone] = waiting.splice(s.which % waiting.length, 1);
        assert(gone !== undefined && queue.cancel(gone.event));
        assertEquals(queue.cancel(gone.event), false);
      } else if (s.op === "run") {
        runOne();
      }
      assertEquals(queue.size, waiting.length);
    }
    while (waiting.length > 0) runOne();
    assertEquals(ran, expected);
    assertEquals(queue.runNext(clock), false);
  }));
});

Deno.test("an event may schedule and cancel others while it runs", () => {
  const clock = new Clock();
  const queue = new EventQueue();
  const seen: string[] = [];
  const later = queue.at(10, () => seen.push("cancelled"));
  const first = queue.at(5, () => {
    seen.push("first");
    queue.cancel(later);
    queue.at(5, () => seen.push("same time, after"));
    assertEquals(queue.cancel(first), false);
  });
  queue.at(5, () => seen.push("second"));
  while (queue.runNext(clock));
  assertEquals(seen, ["first", "second", "same time, after"]);
  assertThrows(() => queue.at(NaN, () => {}), RangeError, "Cannot schedule an event at NaN");
});

Deno.test("a timer keeps to multiples of its interval until it is stopped", () => {
  const clock = new Clock();
  clock.now = 7;
  const queue = new EventQueue();
  const seen: number[] = [];
  const timer = new Timer(clock, queue, 10, (time) => {
    seen.push(time);
    clock.advance(3);
    if (seen.length === 3) timer.stop();
  });
  while (queue.runNext(clock));
  assertEquals([seen, timer.active], [[17, 27, 37], false]);
  assertThrows(() => new Timer(clock, queue, 0, () => {}), RangeError, "at least 1 ns");
});

Deno.test("randomness depends on seed and keys alone", () => {
  const keys = fc.tuple(fc.maxSafeInteger(), fc.maxSafeInteger(), fc.integer());
  fc.assert(fc.property(fc.integer(), keys, keys, (seed, [a, b, c], other) => {
    const random = new KeyedRandom(seed);
    const value = random.u32(a, b, c);
    random.u32(...other);
    assertEquals(random.u32(a, b, c), value);
    assertEquals(new KeyedRandom(seed).u32(a, b, c), value);
    const f = random.float(a, b, c);
    assert(f >= 0 && f < 1 && value >= 0 && value <= 0xffffffff);
    assert(random.below(6, a, b, c) < 6);
  }));
});

Deno.test("randomness is spread evenly over keys that follow one another, and differs between seeds", () => {
  const random = new KeyedRandom(1);
  const buckets = new Array<number>(16).fill(0);
  let same = 0;
  for (let i = 0; i < 16000; i++) {
    const bucket = random.below(16, 7, i);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    if (new KeyedRandom(2).below(16, 7, i) === bucket) same++;
  }
  assert(buckets.every((n) => n > 850 && n < 1150), `uneven: ${buckets.join(" ")}`);
  assert(same > 800 && same < 1200, `seeds agree ${same} times in 16000`);
  assert(keyOf("pick_cpu") !== keyOf("pick_next"));
});
