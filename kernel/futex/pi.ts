/**
 * Locks whose word holds the owner's thread id: `kernel/futex/pi.c`. Who waits longest gets the lock when it is unlocked.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, type FunctionRef } from "../calls/function.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { signalPending } from "../process/signal.ts";
import { recordedWake, SCHEDULE, sleep } from "../process/sleep.ts";
import { popLocals } from "../process/stack.ts";
import { TASK_INTERRUPTIBLE } from "../process/task.ts";
import { EAGAIN, EDEADLK, EFAULT, EPERM, ERESTARTNOINTR, ESRCH, ETIMEDOUT } from "../syscalls/errno.ts";
import {
  BITSET_MATCH_ANY,
  dequeue,
  enqueue,
  GET_FUTEX_KEY,
  keyOf,
  loadWord,
  newWaiter,
  storeWord,
  waitersOf,
} from "./core.ts";
import { FUTEX_WAKES, markWoken, wakeMarked } from "./waitwake.ts";

/** Somebody waits: unlocking takes a call. */
export const FUTEX_WAITERS = 0x80000000;
/** The owner died with it. */
export const FUTEX_OWNER_DIED = 0x40000000;
/** The owner's thread id. */
export const FUTEX_TID_MASK = 0x3fffffff;

const deadlines = new WeakMap<object, number>();

/** Takes the lock, after a wait if need be: 0 or -errno. (uaddr, flags, time, trylock) */
export const FUTEX_LOCK_PI: FunctionRef = blocking(
  "futex_lock_pi",
  [GET_FUTEX_KEY, SCHEDULE],
  function* (k, uaddr = 0, flags = 0, _time = 0, trylock = 0) {
    const task = k.current;
    const until = deadlines.get(task);
    const error = k.call(GET_FUTEX_KEY, uaddr, flags, Number.NaN, 1);
    if (error !== 0) return error;
    const outcome = recorded(k);
    if (outcome !== undefined) {
      if (k.clock.now < recordedWake(k)) yield* sleep(k, "recorded", TASK_INTERRUPTIBLE);
      return outcome.ret;
    }
    const word = loadWord(k, uaddr);
    if (Number.isNaN(word)) return -EFAULT;
    const owner = word & FUTEX_TID_MASK;
    if (owner === task.pid) return -EDEADLK;
    const key = keyOf(k, uaddr, flags);
    if (owner === 0) {
      storeWord(k, uaddr, task.pid | (word & (FUTEX_OWNER_DIED | FUTEX_WAITERS)));
      return 0;
    }
    if (k.tasks.byPid(owner) === undefined) return -ESRCH;
    if (trylock !== 0) return -EAGAIN;
    storeWord(k, uaddr, word | FUTEX_WAITERS);
    const mark = task.locals;
    const waiter = newWaiter(k, uaddr, key, BITSET_MATCH_ANY, true);
    enqueue(k, waiter);
    let result = 0;
    while (waiter.queued) {
      if (signalPending(k, task)) result = -ERESTARTNOINTR;
      else if (until !== undefined && k.clock.now >= until) result = -ETIMEDOUT;
      if (result !== 0) break;
      yield* sleep(k, until === undefined ? {} : { until }, TASK_INTERRUPTIBLE);
    }
    dequeue(k, waiter);
    popLocals(k, mark);
    return result;
  },
);

/** `futex_lock_pi` until a virtual time. */
export function* lockPi(
  k: Kernel,
  uaddr: Addr,
  flags: number,
  until: number | undefined,
  trylock: number,
): Blocking<number> {
  if (until === undefined) deadlines.delete(k.current);
  else deadlines.set(k.current, until);
  return yield* k.calls.callBlocking(
    FUTEX_LOCK_PI,
    uaddr,
    flags,
    until === undefined ? 0 : Number.NaN,
    trylock,
  );
}

/** Gives the lock to who waits longest, or leaves it free: 0 or -errno. (uaddr, flags) */
export const FUTEX_UNLOCK_PI: FunctionRef = behaviour(
  "futex_unlock_pi",
  FUTEX_WAKES,
  (k, uaddr = 0, flags = 0) => {
    const word = loadWord(k, uaddr);
    if (recorded(k) === undefined) {
      if (Number.isNaN(word)) return -EFAULT;
      if ((word & FUTEX_TID_MASK) !== k.current.pid) return -EPERM;
    }
    const error = k.call(GET_FUTEX_KEY, uaddr, flags, Number.NaN, 1);
    if (error !== 0) return error;
    handOver(k, uaddr, keyOf(k, uaddr, flags), 0);
    return 0;
  },
);

/** The lock goes to who waits longest; `died` marks that its last owner did. */
export function handOver(k: Kernel, uaddr: Addr, key: string, died: number): void {
  const [next, ...others] = waitersOf(k, key);
  if (next === undefined) {
    storeWord(k, uaddr, died);
    return;
  }
  storeWord(k, uaddr, next.task.pid | died | (others.length > 0 ? FUTEX_WAITERS : 0));
  markWoken(k, next);
  wakeMarked(k);
}
