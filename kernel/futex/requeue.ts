/**
 * Moving waiters from one futex to another instead of waking them: `kernel/futex/requeue.c`.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import { EAGAIN, EFAULT, EINVAL } from "../syscalls/errno.ts";
import { recorded } from "../fs/recorded.ts";
import { GET_FUTEX_KEY, keyOf, loadWord, moveTo, waitersOf } from "./core.ts";
import { FUTEX_WAKES, markWoken, wakeMarked } from "./waitwake.ts";

/**
 * Wakes `nr` waiters and moves up to `nr2` others: how many in all. `compare` is the value that the first word must have,
 * NaN for any. (uaddr1, flags, uaddr2, nr, nr2, compare)
 */
export const FUTEX_REQUEUE: FunctionRef = behaviour(
  "futex_requeue",
  FUTEX_WAKES,
  (k, uaddr1 = 0, flags = 0, uaddr2 = 0, nr = 0, nr2 = 0, compare = Number.NaN) => {
    if (nr < 0 || nr2 < 0) return -EINVAL;
    for (const uaddr of [uaddr1, uaddr2]) {
      const error = k.call(GET_FUTEX_KEY, uaddr, flags, Number.NaN, 0);
      if (error !== 0) return error;
    }
    if (!Number.isNaN(compare) && recorded(k) === undefined) {
      const word = loadWord(k, uaddr1);
      if (Number.isNaN(word)) return -EFAULT;
      if (word !== compare >>> 0) return -EAGAIN;
    }
    const to = keyOf(k, uaddr2, flags);
    let done = 0;
    for (const waiter of waitersOf(k, keyOf(k, uaddr1, flags))) {
      if (done >= nr + nr2) break;
      if (done < nr) markWoken(k, waiter);
      else moveTo(k, waiter, to);
      done++;
    }
    wakeMarked(k);
    return done;
  },
);
