/**
 * Waiting for a futex and waking those who do: `kernel/futex/waitwake.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { signalPending } from "../process/signal.ts";
import { recordedWake, SCHEDULE, sleep } from "../process/sleep.ts";
import { popLocals } from "../process/stack.ts";
import { TASK_INTERRUPTIBLE } from "../process/task.ts";
import { WAKE_UP_PROCESS } from "../sched/wake_up.ts";
import { EAGAIN, EFAULT, EINVAL, ERESTART_RESTARTBLOCK, ERESTARTSYS, ETIMEDOUT } from "../syscalls/errno.ts";
import {
  dequeue,
  enqueue,
  FUTEX_HASH,
  type FutexWaiter,
  GET_FUTEX_KEY,
  keyOf,
  loadWord,
  newWaiter,
  waitersOf,
} from "./core.ts";

const Q_LOCK: FunctionRef = behaviour("futex_q_lock", [FUTEX_HASH], (k) => {
  k.call(FUTEX_HASH);
  return Number.NaN;
});
const GET_VALUE = fn("futex_get_value_locked");
const UNQUEUE = fn("futex_unqueue");
const SETUP_TIMER = fn("futex_setup_timer");
const QUEUE = fn("__futex_queue");

/** Looks whether the word has the expected value: 0, -EAGAIN if not. (uaddr, val, flags, q, hb) */
const FUTEX_WAIT_SETUP: FunctionRef = behaviour(
  "futex_wait_setup",
  [GET_FUTEX_KEY, Q_LOCK, GET_VALUE],
  (k, uaddr = 0, value = 0) => {
    const error = k.call(GET_FUTEX_KEY, uaddr, Number.NaN, Number.NaN, 0);
    if (error !== 0) return error;
    k.call(Q_LOCK);
    k.call(GET_VALUE);
    const word = loadWord(k, uaddr);
    if (recorded(k) !== undefined) return 0;
    if (Number.isNaN(word)) return -EFAULT;
    return word === value >>> 0 ? 0 : -EAGAIN;
  },
);

/** Sleeps until woken, or until the time. (hb, q, timeout) */
const FUTEX_WAIT_QUEUE: FunctionRef = blocking("futex_wait_queue", [QUEUE, SCHEDULE], function* (k) {
  const waiting = waits.get(k.current);
  if (waiting === undefined) return Number.NaN;
  k.call(QUEUE);
  enqueue(k, waiting.waiter);
  const { until } = waiting;
  if (recorded(k) !== undefined) {
    if (k.clock.now < recordedWake(k)) yield* sleep(k, "recorded", TASK_INTERRUPTIBLE);
  } else if (until === undefined || until > k.clock.now) {
    yield* sleep(k, until === undefined ? {} : { until }, TASK_INTERRUPTIBLE);
  }
  return Number.NaN;
});
/** What a task is about to wait for. */
const waits = new WeakMap<object, { readonly waiter: FutexWaiter; readonly until: number | undefined }>();

/** Waits while the word has a value. (uaddr, flags, val, abs_time, bitset) */
export const FUTEX_WAIT: FunctionRef = blocking(
  "futex_wait",
  [SETUP_TIMER, FUTEX_WAIT_SETUP, FUTEX_WAIT_QUEUE, UNQUEUE],
  function* (k, uaddr = 0, flags = 0, value = 0, _time = 0, bitset = 0) {
    const task = k.current;
    const until = deadlines.get(task);
    if ((bitset >>> 0) === 0) return -EINVAL;
    const outcome = recorded(k);
    if (until !== undefined || outcome !== undefined) k.call(SETUP_TIMER);
    const mark = task.locals;
    for (;;) {
      const error = k.call(FUTEX_WAIT_SETUP, uaddr, value, flags);
      if (error !== 0) return error;
      // A recorded wait that found another value there did not wait.
      if (outcome !== undefined && outcome.ret === -EAGAIN) return outcome.ret;
      const waiter = newWaiter(k, uaddr, keyOf(k, uaddr, flags), bitset >>> 0);
      waits.set(task, { waiter, until });
      yield* k.calls.callBlocking(FUTEX_WAIT_QUEUE, Number.NaN, waiter.q, 0);
      waits.delete(task);
      k.call(UNQUEUE, waiter.q);
      const woken = !dequeue(k, waiter);
      popLocals(k, mark);
      if (outcome !== undefined) return outcome.ret;
      if (woken) return 0;
      if (until !== undefined && k.clock.now >= until) return -ETIMEDOUT;
      if (!signalPending(k, task)) continue;
      if (until === undefined) return -ERESTARTSYS;
      task.restartBlock = () => waitUntil(k, uaddr, flags, value, bitset, until);
      return -ERESTART_RESTARTBLOCK;
    }
  },
);
const deadlines = new WeakMap<object, number>();

/** `futex_wait` until a virtual time. */
export function* waitUntil(
  k: Kernel,
  uaddr: Addr,
  flags: number,
  value: number,
  bitset: number,
  until: number | undefined,
): Blocking<number> {
  if (until === undefined) deadlines.delete(k.current);
  else deadlines.set(k.current, until);
  return yield* k.calls.callBlocking(
    FUTEX_WAIT,
    uaddr,
    flags,
    value,
    until === undefined ? 0 : Number.NaN,
    bitset,
  );
}

const FUTEX_WAKE_MARK = fn("futex_wake_mark");
/** Wakes the tasks that were marked. (head) */
export const WAKE_UP_Q: FunctionRef = behaviour("wake_up_q", [WAKE_UP_PROCESS, fn("try_to_wake_up")], (k) => {
  const tasks = marked.get(k) ?? [];
  marked.delete(k);
  for (const task of tasks) k.call(WAKE_UP_PROCESS, task);
  return Number.NaN;
});
const marked = new WeakMap<Kernel, Addr[]>();

/** Takes a waiter out of its queue; `wakeMarked` then wakes it. */
export function markWoken(k: Kernel, waiter: FutexWaiter): void {
  k.call(FUTEX_WAKE_MARK, Number.NaN, waiter.q);
  dequeue(k, waiter);
  const tasks = marked.get(k);
  if (tasks === undefined) marked.set(k, [waiter.task.address]);
  else tasks.push(waiter.task.address);
}

/** Wakes who was marked. */
export function wakeMarked(k: Kernel): void {
  if (marked.has(k)) k.call(WAKE_UP_Q);
}

/** What those who wake list. */
export const FUTEX_WAKES: readonly FunctionRef[] = [GET_FUTEX_KEY, FUTEX_HASH, FUTEX_WAKE_MARK, WAKE_UP_Q];

/** Wakes up to `nr` whose bitset fits: how many. (uaddr, flags, nr_wake, bitset) */
export const FUTEX_WAKE: FunctionRef = behaviour(
  "futex_wake",
  FUTEX_WAKES,
  (k, uaddr = 0, flags = 0, nr = 0, bitset = 0) => {
    if ((bitset >>> 0) === 0) return -EINVAL;
    const error = k.call(GET_FUTEX_KEY, uaddr, flags, Number.NaN, 0);
    if (error !== 0) return error;
    k.call(FUTEX_HASH);
    let woken = 0;
    for (const waiter of waitersOf(k, keyOf(k, uaddr, flags))) {
      if (waiter.pi) return -EINVAL;
      if ((waiter.bitset & bitset) === 0) continue;
      markWoken(k, waiter);
      if (++woken >= nr) break;
    }
    wakeMarked(k);
    return woken;
  },
);

/** Changes one word, wakes waiters of another, and of the first if its old value compares. (uaddr1, flags, uaddr2, nr, nr2, op) */
export const FUTEX_WAKE_OP: FunctionRef = behaviour(
  "futex_wake_op",
  FUTEX_WAKES,
  (k, uaddr1 = 0, flags = 0, uaddr2 = 0, nr = 0, nr2 = 0, encoded = 0) => {
    for (const uaddr of [uaddr1, uaddr2]) {
      const error = k.call(GET_FUTEX_KEY, uaddr, flags, Number.NaN, 0);
      if (error !== 0) return error;
    }
    const old = loadWord(k, uaddr2) | 0;
    if (Number.isNaN(loadWord(k, uaddr2))) return -EFAULT;
    const part = (shift: number, bits: number): number => encoded << 32 - shift - bits >> 32 - bits;
    const [op, compare] = [part(28, 4) & 15, part(24, 4) & 15];
    let argument = part(12, 12);
    const against = part(0, 12);
    if ((op & 8) !== 0) argument = 1 << (argument & 31);
    const results = [argument, old + argument, old | argument, old & ~argument, old ^ argument];
    const value = results[op & 7];
    if (value === undefined || compare > 5) return -38;
    k.memory.store(uaddr2, 4, value >>> 0);
    const holds = [
      old === against,
      old !== against,
      old < against,
      old <= against,
      old > against,
      old >= against,
    ];
    let woken = wakeSome(k, keyOf(k, uaddr1, flags), nr);
    if (holds[compare]) woken += wakeSome(k, keyOf(k, uaddr2, flags), nr2);
    wakeMarked(k);
    return woken;
  },
);

function wakeSome(k: Kernel, key: string, nr: number): number {
  let woken = 0;
  for (const waiter of waitersOf(k, key)) {
    if (woken >= nr) break;
    markWoken(k, waiter);
    woken++;
  }
  return woken;
}
