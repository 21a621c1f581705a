/**
 * Interval timers: `setitimer`, `getitimer`, `alarm`. `kernel/time/itimer.c`.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { field } from "../process/objects.ts";
import { TASK, type Task } from "../process/task.ts";
import { PIDTYPE_TGID, SEND_SIG_PRIV, SIGALRM, SIGPROF, SIGVTALRM } from "../signal/numbers.ts";
import { onDequeue } from "../signal/pending.ts";
import { DO_SEND_SIG_INFO } from "../signal/send.ts";
import {
  HRTIMER_FORWARD,
  HRTIMER_START_RANGE_NS,
  HRTIMER_TRY_TO_CANCEL,
  hrtimerExpires,
  initHrtimer,
} from "./hrtimer.ts";

const SIGNAL = {
  timer: field("signal_struct", "real_timer"),
  interval: field("signal_struct", "it_real_incr"),
} as const;

/** Real time. */
export const ITIMER_REAL = 0;
/** Time that the process computes in user space. */
export const ITIMER_VIRTUAL = 1;
/** Time that it computes. */
export const ITIMER_PROF = 2;

/** Nanoseconds until a timer expires (0: not set) and between further expiries. */
export interface IntervalTimer {
  readonly value: number;
  readonly interval: number;
}

/** The real timer has expired: its process is told. (timer) */
export const IT_REAL_FN: FunctionRef = behaviour("it_real_fn", [DO_SEND_SIG_INFO], (k, timer = 0) => {
  const task = ownerOf(k, timer);
  if (task !== undefined) k.call(DO_SEND_SIG_INFO, SIGALRM, SEND_SIG_PRIV, task.address, PIDTYPE_TGID);
  return 0;
});

/** What a timer of the running process is set to. */
export function getitimer(k: Kernel, which: number): IntervalTimer {
  if (which !== ITIMER_REAL) return cpuTimers(k)[which] ?? { value: 0, interval: 0 };
  const signal = TASK.signal.get(k, k.current.address);
  const timer = SIGNAL.timer.at(k, signal);
  const left = k.hrtimers.active(timer) ? Math.max(1000, hrtimerExpires(k, timer) - k.clock.now) : 0;
  return { value: left, interval: intervalOf(k, signal) };
}

/** Sets a timer of the running process. Those of computed time are kept, but only real time passes for timers here. */
export function setitimer(k: Kernel, which: number, { value, interval }: IntervalTimer): void {
  if (which !== ITIMER_REAL) {
    cpuTimers(k)[which] = { value, interval };
    return;
  }
  const signal = TASK.signal.get(k, k.current.address);
  const timer = SIGNAL.timer.at(k, signal);
  k.call(HRTIMER_TRY_TO_CANCEL, timer);
  storeInterval(k, signal, interval);
  owners(k).delete(timer);
  if (value <= 0) return;
  owners(k).set(timer, k.current.leader);
  initHrtimer(k, timer, IT_REAL_FN);
  k.call(HRTIMER_START_RANGE_NS, timer, value, 0, 1);
}

/** The signals of the three. */
export const ITIMER_SIGNALS: readonly number[] = [SIGALRM, SIGVTALRM, SIGPROF];

/** Sets a timer and tells what it was. (which, value, ovalue): the values are those given to `doSetitimer`. */
export const DO_SETITIMER: FunctionRef = behaviour(
  "do_setitimer",
  [HRTIMER_TRY_TO_CANCEL, HRTIMER_START_RANGE_NS],
  (k, which = 0) => {
    const wanted = wanteds.get(k);
    if (wanted !== undefined) setitimer(k, which, wanted);
    return 0;
  },
);
const wanteds = new WeakMap<Kernel, IntervalTimer>();

/** Calls `do_setitimer`; gives what the timer was set to before. */
export function doSetitimer(k: Kernel, which: number, wanted: IntervalTimer): IntervalTimer {
  const old = getitimer(k, which);
  wanteds.set(k, wanted);
  k.call(DO_SETITIMER, which, Number.NaN, Number.NaN);
  return old;
}

// The next interval begins when the signal is taken, not when it is sent: one signal at a time.
onDequeue.alarm = (k, task) => {
  const signal = TASK.signal.get(k, task.address);
  const interval = intervalOf(k, signal);
  const timer = SIGNAL.timer.at(k, signal);
  if (interval <= 0 || k.hrtimers.active(timer)) return;
  k.call(HRTIMER_FORWARD, timer, k.clock.now, interval);
  k.call(HRTIMER_START_RANGE_NS, timer, hrtimerExpires(k, timer), 0, 0);
};
const ownersOf = new WeakMap<Kernel, Map<number, Task>>();
function owners(k: Kernel): Map<number, Task> {
  let found = ownersOf.get(k);
  if (found === undefined) ownersOf.set(k, found = new Map());
  return found;
}

function ownerOf(k: Kernel, timer: number): Task | undefined {
  const leader = owners(k).get(timer);
  // The first thread may be gone before the others.
  return leader?.threadGroup.find((thread) => thread.exitCode === null) ?? leader;
}

const cpuTimersOf = new WeakMap<Task, IntervalTimer[]>();
function cpuTimers(k: Kernel): IntervalTimer[] {
  const { leader } = k.current;
  let found = cpuTimersOf.get(leader);
  if (found === undefined) cpuTimersOf.set(leader, found = []);
  return found;
}

function intervalOf(k: Kernel, signal: number): number {
  return k.memory.load(SIGNAL.interval.at(k, signal), 8, true);
}

function storeInterval(k: Kernel, signal: number, interval: number): void {
  k.memory.store(SIGNAL.interval.at(k, signal), 8, interval);
}
