/**
 * The timer wheel: timers in jiffies, for timeouts that mostly don't happen. `kernel/time/timer.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { functionAt, functionPointer } from "../calls/function_pointer.ts";
import { SOFTIRQ } from "../irq/softirq.ts";
import type { Kernel } from "../kernel.ts";
import { field } from "../process/objects.ts";
import { tracepoint } from "../tracing/reference.ts";
import { jiffiesAt } from "./jiffies.ts";
import { TimerQueue } from "./timer_queue.ts";

const TIMER = {
  expires: field("timer_list", "expires"),
  func: field("timer_list", "function"),
  flags: field("timer_list", "flags"),
  next: field("timer_list", "entry.next"),
  pprev: field("timer_list", "entry.pprev"),
} as const;
const INIT = tracepoint("timer:timer_init", "timer");
const START = tracepoint("timer:timer_start", "timer", "function", "expires", "now", "flags");
const EXPIRE_ENTRY = tracepoint("timer:timer_expire_entry", "timer", "now", "function", "baseclk");
const EXPIRE_EXIT = tracepoint("timer:timer_expire_exit", "timer");
const CANCEL = tracepoint("timer:timer_cancel", "timer");

/** Buckets of a level, and by how many bits each level is coarser than the one before. */
const LEVEL_SIZE = 64;
const LEVEL_SHIFT = 3;
const LEVELS = 9;
const TIMER_CPUMASK = 0x3ffff;

/** The wheels of one kernel's CPUs. */
export class TimerWheels {
  readonly #k: Kernel;
  readonly #bases: (TimerQueue | undefined)[] = [];
  readonly #cpuOf = new Map<Addr, number>();

  constructor(k: Kernel) {
    this.#k = k;
  }

  /** Whether a timer waits (`timer_pending`). */
  pending(timer: Addr): boolean {
    return this.#cpuOf.has(timer);
  }

  /** The jiffy at which a CPU has timers to run; Infinity if it has none. */
  nextExpiry(cpu: number): number {
    return this.#bases[cpu]?.first?.time ?? Infinity;
  }

  /** Puts a timer into the bucket of its expiry. */
  enqueue(timer: Addr, cpu: number): number {
    const k = this.#k;
    const bucket = bucketOf(TIMER.expires.get(k, timer), jiffiesAt(k.clock.now));
    this.#cpuOf.set(timer, cpu);
    const base = this.#bases[cpu] ??= new TimerQueue();
    base.add(timer, bucket);
    k.tick.timerQueued(cpu, base.first?.time ?? Infinity);
    return bucket;
  }

  /** Takes a timer out. False if it did not wait. */
  remove(timer: Addr): boolean {
    const cpu = this.#cpuOf.get(timer);
    if (cpu === undefined) return false;
    this.#cpuOf.delete(timer);
    this.#bases[cpu]?.remove(timer);
    TIMER.pprev.set(this.#k, timer, 0);
    return true;
  }

  /** Memory is given back: see `Hrtimers.forget`. */
  forget(from: Addr, to: Addr): void {
    for (const timer of this.#cpuOf.keys()) if (timer >= from && timer < to) this.remove(timer);
  }

  /** The first timer of a CPU that has expired by `jiffies`; taken out. */
  takeExpired(cpu: number, jiffies: number): Addr | undefined {
    const first = this.#bases[cpu]?.first;
    if (first === undefined || first.time > jiffies) return undefined;
    this.remove(first.timer);
    return first.timer;
  }
}

/** The jiffy at which the wheel runs a timer: the further away, the coarser, never early. */
export function bucketOf(expires: number, now: number): number {
  const delta = expires - now;
  // A bucket is left one jiffy after its time.
  let granularity = 1;
  for (let level = 1; level < LEVELS; level++) {
    if (delta < (LEVEL_SIZE - 1) * 2 ** ((level - 1) * LEVEL_SHIFT)) break;
    granularity = 2 ** (level * LEVEL_SHIFT);
  }
  if (delta < 0) return now + 1;
  return Math.floor((expires + granularity) / granularity) * granularity;
}

/** Prepares a timer (`timer_setup`): `func` is called with its address, in softirq context. */
export function initTimer(k: Kernel, timer: Addr, func: FunctionRef): void {
  k.call(INIT_TIMER_KEY, timer, functionPointer(k, func), 0);
}

/** The jiffy that comes `ns` nanoseconds after now, rounded up: `jiffies + nsecs_to_jiffies(ns)`. */
export function jiffiesAfter(k: Kernel, ns: number): number {
  return jiffiesAt(k.clock.now) + Math.ceil(ns / NS_PER_JIFFY);
}

/** Nanoseconds per jiffy. */
export const NS_PER_JIFFY = 4_000_000;

const INIT_TIMER_KEY: FunctionRef = behaviour("init_timer_key", [], (k, timer = 0, func = 0, flags = 0) => {
  TIMER.func.set(k, timer, func);
  TIMER.flags.set(k, timer, flags | k.cpu);
  TIMER.pprev.set(k, timer, 0);
  k.tracepoints.fire(INIT, timer);
  return Number.NaN;
});

const ENQUEUE_TIMER: FunctionRef = behaviour("enqueue_timer", [], (k, _base, timer = 0) => {
  TIMER.pprev.set(k, timer, timer);
  k.tracepoints.fire(
    START,
    timer,
    TIMER.func.get(k, timer),
    TIMER.expires.get(k, timer),
    jiffiesAt(k.clock.now),
    TIMER.flags.get(k, timer),
  );
  k.timers.enqueue(timer, k.cpu);
  return Number.NaN;
});

/** Starts a timer, or moves one that waits: 1 if it did. (timer, expires in jiffies) */
export const MOD_TIMER: FunctionRef = behaviour("mod_timer", [ENQUEUE_TIMER], (k, timer = 0, expires = 0) => {
  const pending = k.timers.remove(timer);
  TIMER.expires.set(k, timer, expires);
  TIMER.flags.set(k, timer, (TIMER.flags.get(k, timer) & ~TIMER_CPUMASK) | k.cpu);
  k.call(ENQUEUE_TIMER, Number.NaN, timer);
  return pending ? 1 : 0;
});

/** Starts a timer whose expiry is set. (timer) */
export const ADD_TIMER: FunctionRef = behaviour("add_timer", [ENQUEUE_TIMER], (k, timer = 0) => {
  k.timers.remove(timer);
  k.call(ENQUEUE_TIMER, Number.NaN, timer);
  return Number.NaN;
});

function cancel(k: Kernel, timer: Addr): number {
  if (!k.timers.remove(timer)) return 0;
  k.tracepoints.fire(CANCEL, timer);
  return 1;
}

/** Stops a timer: 1 if it waited. (timer) */
export const TIMER_DELETE: FunctionRef = behaviour("timer_delete", [], (k, timer = 0) => cancel(k, timer));
/** Stops a timer and waits for its function. (timer) */
export const TIMER_DELETE_SYNC: FunctionRef = behaviour(
  "timer_delete_sync",
  [],
  (k, timer = 0) => cancel(k, timer),
);

/** Calls one timer's function. */
const CALL_TIMER_FN: FunctionRef = behaviour(
  "call_timer_fn",
  [],
  (k, timer = 0, address = 0, baseclk = 0) => {
    const func = functionAt(k, address);
    k.tracepoints.fire(EXPIRE_ENTRY, timer, jiffiesAt(k.clock.now), address, baseclk);
    if (func !== undefined) k.call(func, timer);
    k.tracepoints.fire(EXPIRE_EXIT, timer);
    return Number.NaN;
  },
);

/** The `TIMER` softirq: runs the timers of this CPU that have expired. */
export const RUN_TIMER_SOFTIRQ: FunctionRef = behaviour(
  "run_timer_softirq",
  [CALL_TIMER_FN, fn("__next_timer_interrupt")],
  (k) => {
    const now = jiffiesAt(k.clock.now);
    for (
      let timer = k.timers.takeExpired(k.cpu, now);
      timer !== undefined;
      timer = k.timers.takeExpired(k.cpu, now)
    ) {
      k.tracepoints.fire(CANCEL, timer);
      k.call(CALL_TIMER_FN, timer, TIMER.func.get(k, timer), now);
    }
    return Number.NaN;
  },
);

/** Whether timers of a CPU are due: `run_local_timers`. */
export function timersDue(k: Kernel, cpu: number): boolean {
  return k.timers.nextExpiry(cpu) <= jiffiesAt(k.clock.now);
}

/** The softirq that runs the wheel. */
export const TIMER_SOFTIRQ: number = SOFTIRQ.TIMER;
