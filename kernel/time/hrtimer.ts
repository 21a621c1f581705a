/**
 * High-resolution timers: `kernel/time/hrtimer.c`. Each CPU has its queue; the timer interrupt comes when the first
 * of it expires.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { functionAt, functionPointer } from "../calls/function_pointer.ts";
import { SPIN_LOCK_IRQ, SPIN_LOCK_IRQSAVE, SPIN_UNLOCK_IRQRESTORE } from "../calls/locks.ts";
import type { Kernel } from "../kernel.ts";
import { field } from "../process/objects.ts";
import type { PendingInterrupt } from "../sched/scheduler.ts";
import { WAKE_UP_PROCESS } from "../sched/wake_up.ts";
import { tracepoint } from "../tracing/reference.ts";
import { HRTIMER_UPDATE_NEXT_EVENT, KTIME_GET_UPDATE_OFFSETS_NOW } from "./hrtimer_parts.ts";
import { TimerQueue } from "./timer_queue.ts";

const HRTIMER = {
  expires: field("hrtimer", "node.expires"),
  softExpires: field("hrtimer", "_softexpires"),
  func: field("hrtimer", "function"),
  state: field("hrtimer", "state"),
  isRel: field("hrtimer", "is_rel"),
} as const;
const SLEEPER_TASK = field("hrtimer_sleeper", "task");

/** Whether an expiry is a time (0) or an interval from now (1). */
export const HRTIMER_MODE_REL = 1;
/** What a timer's function returns: it is done. */
export const HRTIMER_NORESTART = 0;
/** What a timer's function returns: it has set a new expiry. */
export const HRTIMER_RESTART = 1;
const STATE_ENQUEUED = 1;
/** `HRTIMER_MODE_ABS_PINNED_HARD`: a CPU's own timer, in the interrupt itself. */
const ABS_PINNED_HARD = 0xa;
const ACTIVE_HARD = 0xf;

const INIT = tracepoint("timer:hrtimer_init", "hrtimer", "clockid", "mode");
const START = tracepoint(
  "timer:hrtimer_start",
  "hrtimer",
  "function",
  "expires",
  "softexpires",
  "mode",
  "was_armed",
);
const EXPIRE_ENTRY = tracepoint("timer:hrtimer_expire_entry", "hrtimer", "now", "function");
const EXPIRE_EXIT = tracepoint("timer:hrtimer_expire_exit", "hrtimer");
const CANCEL = tracepoint("timer:hrtimer_cancel", "hrtimer");

interface Base {
  readonly queue: TimerQueue;
  /** The interrupt that is programmed, and for when. */
  interrupt: PendingInterrupt | null;
  at: number;
}

/** The queues of one kernel's CPUs. */
export class Hrtimers {
  readonly #k: Kernel;
  readonly #bases: (Base | undefined)[] = [];
  /** Which CPU's queue a timer stands in. */
  readonly #cpuOf = new Map<Addr, number>();

  constructor(k: Kernel) {
    this.#k = k;
  }

  /** Number of timers that wait. */
  get size(): number {
    return this.#cpuOf.size;
  }

  /** Whether a timer waits. */
  active(timer: Addr): boolean {
    return this.#cpuOf.has(timer);
  }

  /** Puts a timer into a CPU's queue by its expiry. */
  enqueue(timer: Addr, cpu: number): void {
    const base = this.#base(cpu);
    HRTIMER.state.set(this.#k, timer, STATE_ENQUEUED);
    this.#cpuOf.set(timer, cpu);
    base.queue.add(timer, HRTIMER.expires.get(this.#k, timer));
    this.#program(cpu, base);
  }

  /** Takes a timer out of its queue. False if it was in none. */
  remove(timer: Addr): boolean {
    const cpu = this.#cpuOf.get(timer);
    if (cpu === undefined) return false;
    const base = this.#base(cpu);
    this.#cpuOf.delete(timer);
    base.queue.remove(timer);
    HRTIMER.state.set(this.#k, timer, 0);
    this.#program(cpu, base);
    return true;
  }

  /** Memory is given back: timers in it, as on the stack of a task that was killed, are gone. */
  forget(from: Addr, to: Addr): void {
    for (const timer of this.#cpuOf.keys()) if (timer >= from && timer < to) this.remove(timer);
  }

  /** The first timer of a CPU whose earliest expiry has come; taken out. */
  takeExpired(cpu: number): Addr | undefined {
    const { queue } = this.#base(cpu);
    const timer = queue.first?.timer;
    if (timer === undefined || HRTIMER.softExpires.get(this.#k, timer) > this.#k.clock.now) return undefined;
    queue.remove(timer);
    this.#cpuOf.delete(timer);
    HRTIMER.state.set(this.#k, timer, 0);
    return timer;
  }

  /** The interrupt came: the next one is programmed when its timers have run. */
  interrupted(cpu: number): void {
    const base = this.#base(cpu);
    base.interrupt = null;
    base.at = Infinity;
  }

  /** Programs the interrupt of the first timer. */
  reprogram(cpu: number): void {
    this.#program(cpu, this.#base(cpu));
  }

  #base(cpu: number): Base {
    return this.#bases[cpu] ??= { queue: new TimerQueue(), interrupt: null, at: Infinity };
  }

  #program(cpu: number, base: Base): void {
    const at = base.queue.first?.time ?? Infinity;
    if (at === base.at) return;
    base.interrupt?.cancel();
    base.at = at;
    base.interrupt = at === Infinity
      ? null
      : this.#k.interrupts.raiseTimer(cpu, Math.max(at, this.#k.clock.now));
  }
}

/** Prepares a timer: `func` is called with its address in interrupt context and returns `HRTIMER_NORESTART` or `_RESTART`. */
export function initHrtimer(
  k: Kernel,
  timer: Addr,
  func: FunctionRef,
  clock = 1,
  mode = HRTIMER_MODE_REL,
): void {
  k.call(HRTIMER_INIT, timer, clock, mode);
  HRTIMER.func.set(k, timer, functionPointer(k, func));
}

/** Sets what a timer calls. */
export function setHrtimerFunction(k: Kernel, timer: Addr, func: FunctionRef): void {
  HRTIMER.func.set(k, timer, functionPointer(k, func));
}

/** Sets when a timer expires that is in no queue. */
export function setHrtimerExpiry(k: Kernel, timer: Addr, at: number): void {
  HRTIMER.softExpires.set(k, timer, at);
  HRTIMER.expires.set(k, timer, at);
}

/** Sets the time, or the interval, after which a timer may expire, and how much later it has to. */
export function setHrtimerRange(k: Kernel, timer: Addr, time: number, delta: number): void {
  HRTIMER.softExpires.set(k, timer, time);
  HRTIMER.expires.set(k, timer, time + delta);
}

/** When a timer may expire at the earliest. */
export function hrtimerSoftExpires(k: Kernel, timer: Addr): number {
  return HRTIMER.softExpires.get(k, timer);
}

/** When a timer expires, in virtual nanoseconds. */
export function hrtimerExpires(k: Kernel, timer: Addr): number {
  return HRTIMER.expires.get(k, timer);
}

const HRTIMER_INIT_INNER: FunctionRef = behaviour("__hrtimer_init", [], (k, timer = 0) => {
  HRTIMER.state.set(k, timer, 0);
  return Number.NaN;
});
/** Prepares a timer. (timer, clock_id, mode) */
export const HRTIMER_INIT: FunctionRef = behaviour(
  "hrtimer_init",
  [HRTIMER_INIT_INNER],
  (k, timer = 0, clock = 1, mode = 0) => {
    k.tracepoints.fire(INIT, timer, clock, mode);
    k.call(HRTIMER_INIT_INNER, timer, clock, mode);
    return Number.NaN;
  },
);

function traceStart(k: Kernel, timer: Addr, mode: number, wasArmed: boolean): void {
  k.tracepoints.fire(
    START,
    timer,
    HRTIMER.func.get(k, timer),
    HRTIMER.expires.get(k, timer),
    HRTIMER.softExpires.get(k, timer),
    mode,
    wasArmed ? 1 : 0,
  );
}

/** Starts a CPU's timer for a time without calls to see; one that waits moves there. */
export function startHrtimer(k: Kernel, timer: Addr, cpu: number, at: number): void {
  const wasArmed = k.hrtimers.remove(timer);
  setHrtimerExpiry(k, timer, at);
  traceStart(k, timer, ABS_PINNED_HARD, wasArmed);
  k.hrtimers.enqueue(timer, cpu);
}

/** Stops a timer without calls to see. */
export function stopHrtimer(k: Kernel, timer: Addr): void {
  if (k.hrtimers.remove(timer)) k.tracepoints.fire(CANCEL, timer);
}

const ENQUEUE_HRTIMER: FunctionRef = behaviour(
  "enqueue_hrtimer",
  [],
  (k, timer = 0, _base, mode = 0, armed = 0) => {
    traceStart(k, timer, mode, armed !== 0);
    // One that calls nothing is another part's, which sees to its end itself.
    if (HRTIMER.func.get(k, timer) !== 0) k.hrtimers.enqueue(timer, k.cpu);
    return Number.NaN;
  },
);

/** Starts a timer for `tim`, or up to `delta` nanoseconds later if that saves an interrupt. (timer, tim, delta_ns, mode) */
export const HRTIMER_START_RANGE_NS: FunctionRef = behaviour(
  "hrtimer_start_range_ns",
  [ENQUEUE_HRTIMER],
  (k, timer = 0, tim = 0, delta = 0, mode = 0) => {
    const wasArmed = k.hrtimers.remove(timer);
    const soft = Math.max(0, (mode & HRTIMER_MODE_REL) !== 0 ? k.clock.now + tim : tim);
    HRTIMER.softExpires.set(k, timer, soft);
    HRTIMER.expires.set(k, timer, soft + delta);
    k.call(ENQUEUE_HRTIMER, timer, Number.NaN, mode, wasArmed ? 1 : 0);
    return Number.NaN;
  },
);

/** Stops a timer: 1, or 0 if it did not wait. */
export const HRTIMER_TRY_TO_CANCEL: FunctionRef = behaviour("hrtimer_try_to_cancel", [], (k, timer = 0) => {
  if (!k.hrtimers.active(timer)) return 0;
  k.tracepoints.fire(CANCEL, timer);
  k.hrtimers.remove(timer);
  return 1;
});

/** Stops a timer and waits until its function is done, which here it is. */
export const HRTIMER_CANCEL: FunctionRef = behaviour(
  "hrtimer_cancel",
  [HRTIMER_TRY_TO_CANCEL],
  (k, timer = 0) => k.call(HRTIMER_TRY_TO_CANCEL, timer),
);

/** Moves a timer's expiry on by whole intervals until it is after `now`: how many. (timer, now, interval) */
export const HRTIMER_FORWARD: FunctionRef = behaviour(
  "hrtimer_forward",
  [],
  (k, timer = 0, now = 0, interval = 1) => {
    const expires = HRTIMER.expires.get(k, timer);
    if (now < expires) return 0;
    const times = Math.floor((now - expires) / interval) + 1;
    HRTIMER.expires.set(k, timer, expires + times * interval);
    HRTIMER.softExpires.set(k, timer, HRTIMER.softExpires.get(k, timer) + times * interval);
    return times;
  },
);

/** Wakes the task of a `struct hrtimer_sleeper`. */
export const HRTIMER_WAKEUP: FunctionRef = behaviour("hrtimer_wakeup", [WAKE_UP_PROCESS], (k, timer = 0) => {
  const task = SLEEPER_TASK.get(k, timer);
  SLEEPER_TASK.set(k, timer, 0);
  if (task !== 0) k.call(WAKE_UP_PROCESS, task);
  return HRTIMER_NORESTART;
});

/** Prepares a sleeper on the stack: its timer wakes the running task. (sleeper, clock_id, mode) */
export const HRTIMER_INIT_SLEEPER: FunctionRef = behaviour(
  "hrtimer_init_sleeper",
  [HRTIMER_INIT_INNER],
  (k, sleeper = 0, clock = 1, mode = 0) => {
    k.call(HRTIMER_INIT_INNER, sleeper, clock, mode);
    HRTIMER.func.set(k, sleeper, functionPointer(k, HRTIMER_WAKEUP));
    SLEEPER_TASK.set(k, sleeper, k.current.address);
    return Number.NaN;
  },
);

/** Prepares a sleeper for a task without calls to see. */
export function prepareSleeper(k: Kernel, sleeper: Addr, task: Addr): void {
  HRTIMER.func.set(k, sleeper, functionPointer(k, HRTIMER_WAKEUP));
  SLEEPER_TASK.set(k, sleeper, task);
}

/** The task that a sleeper's timer has yet to wake; 0 once it did. */
export function sleeperTask(k: Kernel, sleeper: Addr): Addr {
  return SLEEPER_TASK.get(k, sleeper);
}

const FORWARD_AND_SLEEPER = [
  HRTIMER_WAKEUP,
  fn("tick_sched_timer"),
  fn("it_real_fn"),
  fn("timerfd_tmrproc"),
  fn("posix_timer_fn"),
  SPIN_UNLOCK_IRQRESTORE,
  SPIN_LOCK_IRQ,
];

/** Calls the functions of all timers of this CPU that have expired. */
const HRTIMER_RUN_QUEUES: FunctionRef = behaviour("__hrtimer_run_queues", FORWARD_AND_SLEEPER, (k) => {
  const { cpu } = k;
  for (let timer = k.hrtimers.takeExpired(cpu); timer !== undefined; timer = k.hrtimers.takeExpired(cpu)) {
    const address = HRTIMER.func.get(k, timer);
    const func = functionAt(k, address);
    k.tracepoints.fire(EXPIRE_ENTRY, timer, k.clock.now, address);
    k.call(SPIN_UNLOCK_IRQRESTORE);
    const again = func === undefined ? HRTIMER_NORESTART : k.call(func, timer);
    k.call(SPIN_LOCK_IRQ);
    k.tracepoints.fire(EXPIRE_EXIT, timer);
    if (again === HRTIMER_RESTART && !k.hrtimers.active(timer)) k.call(ENQUEUE_HRTIMER, timer, Number.NaN, 0);
  }
  return Number.NaN;
});

/** The timer interrupt: runs what has expired and programs the next one. */
export const HRTIMER_INTERRUPT: FunctionRef = behaviour(
  "hrtimer_interrupt",
  [
    SPIN_LOCK_IRQSAVE,
    KTIME_GET_UPDATE_OFFSETS_NOW,
    HRTIMER_RUN_QUEUES,
    HRTIMER_UPDATE_NEXT_EVENT,
    SPIN_UNLOCK_IRQRESTORE,
    fn("tick_program_event"),
  ],
  (k) => {
    const { cpu } = k;
    k.hrtimers.interrupted(cpu);
    k.call(SPIN_LOCK_IRQSAVE);
    k.call(KTIME_GET_UPDATE_OFFSETS_NOW);
    k.call(HRTIMER_RUN_QUEUES, Number.NaN, k.clock.now, 0, ACTIVE_HARD);
    k.call(HRTIMER_UPDATE_NEXT_EVENT);
    k.call(SPIN_UNLOCK_IRQRESTORE);
    k.hrtimers.reprogram(cpu);
    k.call(fn("tick_program_event"));
    return Number.NaN;
  },
);
