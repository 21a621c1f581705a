/**
 * POSIX timers: `timer_create` and its kin. `kernel/time/posix-timers.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { kfree, kzalloc } from "../process/alloc.ts";
import { sizeOfStruct } from "../process/objects.ts";
import type { Task } from "../process/task.ts";
import { pendingSet, privatePending, sharedPending } from "../signal/fields.ts";
import { inSet, NSIG, PIDTYPE_PID, PIDTYPE_TGID, SI_TIMER, SIGALRM } from "../signal/numbers.ts";
import { SEND_SIGNAL_LOCKED, withSiginfo } from "../signal/send.ts";
import { EINVAL } from "../syscalls/errno.ts";
import {
  HRTIMER_CANCEL,
  HRTIMER_FORWARD,
  HRTIMER_INIT,
  HRTIMER_START_RANGE_NS,
  HRTIMER_TRY_TO_CANCEL,
  hrtimerExpires,
  initHrtimer,
} from "./hrtimer.ts";
import { BOOT_SECONDS } from "./wall_clock.ts";

/** `sigev_notify`: a signal for the process, nothing, a signal for one thread. */
const SIGEV_SIGNAL = 0;
const SIGEV_NONE = 1;
const SIGEV_THREAD_ID = 4;
const TIMER_ABSTIME = 1;
const HRTIMER_RESTART = 1;
const CLOCKS: ReadonlySet<number> = new Set([0, 1, 2, 3, 7, 8, 9, 11]);

/** How a timer tells that it has expired: `struct sigevent`. */
export interface TimerEvent {
  readonly notify: number;
  readonly signo: number;
  readonly value: number;
  /** Thread that is told, with `SIGEV_THREAD_ID`. */
  readonly thread: number;
}
/** Nanoseconds until it expires (0: not set) and between further expiries. */
export interface TimerTimes {
  readonly value: number;
  readonly interval: number;
}
interface PosixTimer {
  readonly id: number;
  readonly leader: Task;
  readonly clock: number;
  readonly event: TimerEvent;
  readonly hrtimer: Addr;
  interval: number;
  /** Expiries that no signal of their own tells of. */
  overrun: number;
}
interface Timers {
  readonly byProcess: Map<Task, Map<number, PosixTimer>>;
  readonly byHrtimer: Map<Addr, PosixTimer>;
}
const all = new WeakMap<Kernel, Timers>();

function timersOf(k: Kernel): Timers {
  let found = all.get(k);
  if (found === undefined) all.set(k, found = { byProcess: new Map(), byHrtimer: new Map() });
  return found;
}

/** A timer has expired. (hrtimer) */
export const POSIX_TIMER_FN: FunctionRef = behaviour(
  "posix_timer_fn",
  [SEND_SIGNAL_LOCKED, HRTIMER_FORWARD],
  (k, hrtimer = 0) => {
    const timer = timersOf(k).byHrtimer.get(hrtimer);
    if (timer === undefined) return 0;
    tell(k, timer);
    if (timer.interval <= 0) return 0;
    k.call(HRTIMER_FORWARD, hrtimer, k.clock.now, timer.interval);
    return HRTIMER_RESTART;
  },
);

/** Makes a timer of the running process: its id, or -errno. `event` null: SIGALRM with the timer's id. */
export function timerCreate(k: Kernel, clock: number, event: TimerEvent | null, wanted?: number): number {
  if (!CLOCKS.has(clock)) return -EINVAL;
  const { leader } = k.current;
  const { byProcess, byHrtimer } = timersOf(k);
  const own = byProcess.get(leader) ?? new Map<number, PosixTimer>();
  let id = wanted ?? 0;
  while (own.has(id)) id++;
  const how = event ?? { notify: SIGEV_SIGNAL, signo: SIGALRM, value: id, thread: 0 };
  if (![SIGEV_SIGNAL, SIGEV_NONE, 2, SIGEV_THREAD_ID].includes(how.notify)) return -EINVAL;
  if (how.notify !== SIGEV_NONE && (how.signo < 1 || how.signo > NSIG)) return -EINVAL;
  if (how.notify === SIGEV_THREAD_ID && k.tasks.byPid(how.thread)?.tgid !== leader.tgid) return -EINVAL;
  const hrtimer = kzalloc(k, sizeOfStruct(k, "hrtimer"));
  initHrtimer(k, hrtimer, POSIX_TIMER_FN, clock, 0);
  const timer = { id, leader, clock, event: how, hrtimer, interval: 0, overrun: 0 };
  byProcess.set(leader, own);
  own.set(id, timer);
  byHrtimer.set(hrtimer, timer);
  return id;
}

/** Sets a timer: what it was set to before, or -errno. */
export function timerSettime(k: Kernel, id: number, flags: number, times: TimerTimes): TimerTimes | number {
  const timer = timerOf(k, id);
  if (timer === undefined) return -EINVAL;
  const old = timesOf(k, timer);
  k.call(HRTIMER_TRY_TO_CANCEL, timer.hrtimer);
  timer.interval = times.interval;
  timer.overrun = 0;
  if (times.value > 0) {
    const absolute = (flags & TIMER_ABSTIME) !== 0;
    const offset = absolute && [0, 8, 11].includes(timer.clock) ? BOOT_SECONDS * 1e9 : 0;
    initHrtimer(k, timer.hrtimer, POSIX_TIMER_FN, timer.clock, absolute ? 0 : 1);
    k.call(HRTIMER_START_RANGE_NS, timer.hrtimer, Math.max(0, times.value - offset), 0, absolute ? 0 : 1);
  }
  return old;
}

/** What a timer is set to, or -errno. */
export function timerGettime(k: Kernel, id: number): TimerTimes | number {
  const timer = timerOf(k, id);
  return timer === undefined ? -EINVAL : timesOf(k, timer);
}

/** Expiries that the last signal did not tell of, or -errno. */
export function timerGetoverrun(k: Kernel, id: number): number {
  return timerOf(k, id)?.overrun ?? -EINVAL;
}

/** Removes a timer: 0 or -errno. */
export function timerDelete(k: Kernel, id: number): number {
  const timer = timerOf(k, id);
  if (timer === undefined) return -EINVAL;
  drop(k, timer);
  return 0;
}

/** What those who use these list. */
export const POSIX_TIMERS: readonly FunctionRef[] = [
  HRTIMER_INIT,
  HRTIMER_CANCEL,
  HRTIMER_TRY_TO_CANCEL,
  HRTIMER_START_RANGE_NS,
];

/** A process ends or runs another program: its timers are gone. (task) */
export const EXIT_ITIMERS: FunctionRef = behaviour("exit_itimers", [HRTIMER_CANCEL], (k, address = 0) => {
  const leader = k.tasks.byAddress(address)?.leader;
  const timers = leader === undefined ? undefined : timersOf(k).byProcess.get(leader);
  for (const timer of timers?.values() ?? []) drop(k, timer);
  return Number.NaN;
});

function drop(k: Kernel, timer: PosixTimer): void {
  const { byProcess, byHrtimer } = timersOf(k);
  k.call(HRTIMER_CANCEL, timer.hrtimer);
  byHrtimer.delete(timer.hrtimer);
  kfree(k, timer.hrtimer);
  const own = byProcess.get(timer.leader);
  own?.delete(timer.id);
  if (own?.size === 0) byProcess.delete(timer.leader);
}

/** Sends the signal; if the last one still waits, the expiry is counted for it. */
function tell(k: Kernel, timer: PosixTimer): void {
  const { event, leader, id } = timer;
  if (event.notify === SIGEV_NONE) return;
  const thread = event.notify === SIGEV_THREAD_ID ? k.tasks.byPid(event.thread) : undefined;
  const target = thread ?? leader.threadGroup.find((one) => one.exitCode === null) ?? leader;
  const pending = thread === undefined ? sharedPending(k, target.address) : privatePending(k, target.address);
  if (inSet(pendingSet(k, pending), event.signo)) {
    timer.overrun++;
    return;
  }
  timer.overrun = 0;
  const info = { signo: event.signo, code: SI_TIMER, pid: id, uid: 0, value: event.value };
  const type = thread === undefined ? PIDTYPE_TGID : PIDTYPE_PID;
  withSiginfo(k, info, (at) => k.call(SEND_SIGNAL_LOCKED, event.signo, at, target.address, type));
}

function timesOf(k: Kernel, { hrtimer, interval }: PosixTimer): TimerTimes {
  const left = k.hrtimers.active(hrtimer) ? Math.max(1, hrtimerExpires(k, hrtimer) - k.clock.now) : 0;
  return { value: left, interval };
}

function timerOf(k: Kernel, id: number): PosixTimer | undefined {
  return timersOf(k).byProcess.get(k.current.leader)?.get(id);
}
