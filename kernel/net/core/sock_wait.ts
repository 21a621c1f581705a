/**
 * Waiting for something to happen at a sock. `net/core/sock.c`, `net/core/stream.c`.
 *
 * @module
 */

import { type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { signalPending } from "../../process/signal.ts";
import { recordedWake, sleep } from "../../process/sleep.ts";
import { popLocals } from "../../process/stack.ts";
import { TASK_INTERRUPTIBLE } from "../../process/task.ts";
import {
  ADD_WAIT_QUEUE,
  REMOVE_WAIT_QUEUE,
  WAIT_ENTRY,
  waitEntry,
  WOKEN_WAKE_FUNCTION,
  WQ_FLAG_WOKEN,
} from "../../sched/wait.ts";
import { LOCK_SOCK_NESTED, RELEASE_SOCK, sleepQueue, type Sock } from "./sock.ts";

/** What a task that waits on a sock gives and gets back. */
export interface SockWait {
  /** Virtual time at which it gives up. */
  readonly until?: number;
  /** Wakes for anything, or only for what `woken_wake_function` notes. */
  readonly through: FunctionRef;
}

/** Sleeps unless the entry was woken since it was queued: (entry, mode, timeout). */
const WAIT_WOKEN: FunctionRef = blocking(
  "wait_woken",
  [fn("schedule_timeout")],
  function* (k, _entry, _mode, timeout = 0) {
    return yield* k.calls.callBlocking(fn("schedule_timeout"), timeout);
  },
);

/** What a caller of `waitOnSock` lists among its calls. */
export const SOCK_WAIT_CALLS: readonly FunctionRef[] = [
  ADD_WAIT_QUEUE,
  REMOVE_WAIT_QUEUE,
  RELEASE_SOCK,
  LOCK_SOCK_NESTED,
  WAIT_WOKEN,
  fn("schedule_timeout"),
];

/**
 * Waits on a locked sock as `sk_wait_event` does: queues up, lets go of the lock, sleeps, takes it again, until `ready`.
 * In a replay it sleeps until the recorded end of the call, unless `ready` holds already. `always`: as where the kernel
 * goes to sleep without looking, and a wake-up that came before keeps it awake.
 *
 * @returns false if a signal came first, or `until` did
 */
export function* waitOnSock(
  k: Kernel,
  sk: Sock,
  ready: () => boolean,
  until?: number,
  always = false,
): Blocking<boolean> {
  if (ready()) return true;
  const mark = k.current.locals;
  const entry = waitEntry(k, WOKEN_WAKE_FUNCTION);
  const replayed = !Number.isNaN(recordedWake(k));
  const wq = sleepQueue(k, sk);
  k.call(ADD_WAIT_QUEUE, wq, entry);
  let undisturbed = true;
  for (;;) {
    k.call(RELEASE_SOCK, sk.address);
    const woken = always && ready() && (WAIT_ENTRY.flags.get(k, entry) & WQ_FLAG_WOKEN) !== 0;
    if (woken) yield* k.calls.callBlocking(WAIT_WOKEN, entry, TASK_INTERRUPTIBLE, Number.NaN);
    else if (replayed) {
      if (!ready() && k.clock.now < recordedWake(k)) {
        yield* sleep(k, "recorded", TASK_INTERRUPTIBLE, WAIT_WOKEN);
      }
    } else if (!ready()) {
      yield* sleep(k, until === undefined ? {} : { until }, TASK_INTERRUPTIBLE, WAIT_WOKEN);
    }
    k.call(LOCK_SOCK_NESTED, sk.address, 0);
    if (replayed || ready()) break;
    if (signalPending(k, k.current) || (until !== undefined && k.clock.now >= until)) {
      undisturbed = false;
      break;
    }
  }
  k.call(REMOVE_WAIT_QUEUE, wq, entry);
  popLocals(k, mark);
  return undisturbed;
}
