/**
 * `futex` and the calls around it.
 *
 * @module
 */

import { type Blocking, blocking, fn, type FunctionRef, type Pending } from "../calls/function.ts";
import { recorded, recordedOr } from "../fs/recorded.ts";
import { BITSET_MATCH_ANY, FLAGS_SHARED } from "../futex/core.ts";
import { FUTEX_LOCK_PI, FUTEX_UNLOCK_PI, lockPi } from "../futex/pi.ts";
import { FUTEX_REQUEUE } from "../futex/requeue.ts";
import { ROBUST_LIST } from "../futex/robust.ts";
import { FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAKE_OP, waitUntil } from "../futex/waitwake.ts";
import type { Kernel } from "../kernel.ts";
import { field } from "../process/objects.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser } from "../process/user_store.ts";
import { BOOT_SECONDS } from "../time/wall_clock.ts";
import { blockingSyscall, syscall } from "./define.ts";
import { EBUSY, EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from "./errno.ts";

const PRIVATE = 128;
const REALTIME = 256;
/** Commands. */
const WAIT = 0;
const WAKE = 1;
const REQUEUE = 3;
const CMP_REQUEUE = 4;
const WAKE_OP = 5;
const LOCK_PI = 6;
const UNLOCK_PI = 7;
const TRYLOCK_PI = 8;
const WAIT_BITSET = 9;
const WAKE_BITSET = 10;
const LOCK_PI2 = 13;
const TIMED: ReadonlySet<number> = new Set([WAIT, LOCK_PI, LOCK_PI2, WAIT_BITSET, 11]);

const untils = new WeakMap<object, number>();

/** All commands. (uaddr, op, val, timeout, uaddr2, val2, val3) */
export const DO_FUTEX: FunctionRef = blocking(
  "do_futex",
  [FUTEX_WAIT, FUTEX_WAKE, FUTEX_REQUEUE, FUTEX_WAKE_OP, FUTEX_LOCK_PI, FUTEX_UNLOCK_PI],
  (k, uaddr = 0, op = 0, value = 0, _timeout = 0, uaddr2 = 0, val2 = 0, val3 = 0): Pending => {
    const command = op & ~(PRIVATE | REALTIME);
    const flags = (op & PRIVATE) === 0 ? FLAGS_SHARED : 0;
    if ((op & REALTIME) !== 0 && ![WAIT_BITSET, LOCK_PI2, 11].includes(command)) return -ENOSYS;
    const until = untils.get(k.current);
    switch (command) {
      case WAIT:
        return waitUntil(k, uaddr, flags, value, BITSET_MATCH_ANY, until);
      case WAIT_BITSET:
        return waitUntil(k, uaddr, flags, value, val3, until);
      case WAKE:
        return k.call(FUTEX_WAKE, uaddr, flags, value, BITSET_MATCH_ANY);
      case WAKE_BITSET:
        return k.call(FUTEX_WAKE, uaddr, flags, value, val3);
      case REQUEUE:
        return k.call(FUTEX_REQUEUE, uaddr, flags, uaddr2, value, val2, Number.NaN);
      case CMP_REQUEUE:
        return k.call(FUTEX_REQUEUE, uaddr, flags, uaddr2, value, val2, val3);
      case WAKE_OP:
        return k.call(FUTEX_WAKE_OP, uaddr, flags, uaddr2, value, val2, val3);
      case LOCK_PI:
      case LOCK_PI2:
        return lockPi(k, uaddr, flags, until, 0);
      case TRYLOCK_PI:
        return lockPi(k, uaddr, flags, undefined, 1);
      case UNLOCK_PI:
        return k.call(FUTEX_UNLOCK_PI, uaddr, flags);
      default:
        return recordedOr(k, -ENOSYS);
    }
  },
);

for (const [suffix, narrow] of [["", false], ["_time32", true]] as const) {
  blockingSyscall(
    `futex${suffix}`,
    ["ulong", "int", "uint", "ulong", "ulong", "uint"],
    [DO_FUTEX],
    function* (k, uaddr = 0, op = 0, value = 0, utime = 0, uaddr2 = 0, val3 = 0): Blocking<number> {
      const command = op & ~(PRIVATE | REALTIME);
      untils.delete(k.current);
      if (utime !== 0 && TIMED.has(command)) {
        const until = deadline(k, utime, narrow, command, (op & REALTIME) !== 0);
        if (until === undefined) return -EINVAL;
        if (!Number.isNaN(until)) untils.set(k.current, until);
        else if (recorded(k) === undefined) return -EFAULT;
      }
      // Commands without a time have a number there.
      const val2 = TIMED.has(command) ? 0 : utime | 0;
      return yield* k.calls.callBlocking(DO_FUTEX, uaddr, op, value, utime, uaddr2, val2, val3);
    },
  );
}

/** Virtual time of a limit in user memory; NaN at a bad address, undefined where it is no time. */
function deadline(
  k: Kernel,
  at: number,
  narrow: boolean,
  command: number,
  realtime: boolean,
): number | undefined {
  const part = narrow ? 4 : 8;
  const seconds = loadUser(k, at, part, true);
  const nanos = loadUser(k, at + part, narrow ? 4 : k.image.pointerSize, true);
  if (Number.isNaN(seconds + nanos)) return Number.NaN;
  if (seconds < 0 || nanos < 0 || nanos >= 1e9) return undefined;
  const clock = realtime || command === LOCK_PI ? BOOT_SECONDS : 0;
  const ns = Math.min(Math.max(0, seconds - clock), 8e6) * 1e9 + nanos;
  return command === WAIT ? k.clock.now + ns : ns;
}

const HEAD_WORDS = 3;
syscall("set_robust_list", ["ulong", "ulong"], [], (k, head = 0, size = 0) => {
  if (size !== HEAD_WORDS * k.image.pointerSize) return recordedOr(k, -EINVAL);
  ROBUST_LIST.set(k, k.current.address, head);
  return 0;
});
syscall("get_robust_list", ["int", "ulong", "ulong"], [], (k, pid = 0, head = 0, size = 0) => {
  const task = pid === 0 ? k.current : k.tasks.byPid(pid);
  if (task === undefined) return recordedOr(k, -ESRCH);
  if (task.uid !== k.current.uid && k.current.uid !== 0) return -EPERM;
  const word = k.image.pointerSize;
  const stored = storeUser(k, size, word, HEAD_WORDS * word) &&
    storeUser(k, head, word, ROBUST_LIST.get(k, task.address));
  return stored ? 0 : recordedOr(k, -EFAULT);
});

const RSEQ = {
  at: field("task_struct", "rseq"),
  sig: field("task_struct", "rseq_sig"),
} as const;
const RSEQ_SIZE = 32;
const RSEQ_FLAG_UNREGISTER = 1;
syscall("rseq", ["ulong", "uint", "int", "uint"], [], (k, rseq = 0, length = 0, flags = 0, sig = 0) => {
  const { address } = k.current;
  const old = RSEQ.at.get(k, address);
  if ((flags & RSEQ_FLAG_UNREGISTER) !== 0) {
    if ((flags & ~RSEQ_FLAG_UNREGISTER) !== 0 || old === 0 || old !== rseq || length !== RSEQ_SIZE) {
      return -EINVAL;
    }
    if (RSEQ.sig.get(k, address) !== sig) return -EPERM;
    RSEQ.at.set(k, address, 0);
    return 0;
  }
  if (flags !== 0) return -EINVAL;
  if (old !== 0) {
    if (old !== rseq || length !== RSEQ_SIZE) return -EINVAL;
    return RSEQ.sig.get(k, address) !== sig ? -EPERM : -EBUSY;
  }
  if (rseq % RSEQ_SIZE !== 0 || length !== RSEQ_SIZE) return recordedOr(k, -EINVAL);
  if (!k.memory.isUser(rseq)) return recordedOr(k, -EFAULT);
  RSEQ.at.set(k, address, rseq);
  RSEQ.sig.set(k, address, sig);
  return 0;
});

/** `membarrier` commands: those that need their registration first, by the bit that registers them. */
const NEEDS: Readonly<Record<number, number>> = { 8: 16, 32: 64, 128: 256 };
const GLOBAL = 1;
const SUPPORTED = 0x1ff;
const registered = new WeakMap<Kernel, Map<number, number>>();
syscall("membarrier", ["int", "uint", "int"], [fn("synchronize_rcu")], (k, command = 0, flags = 0) => {
  if (flags !== 0 && command !== 128) return -EINVAL;
  if (command === 0) return recordedOr(k, SUPPORTED);
  const known = command > 0 && (command & (command - 1)) === 0 && (command & SUPPORTED) !== 0;
  if (!known) return recordedOr(k, -EINVAL);
  let byMm = registered.get(k);
  if (byMm === undefined) registered.set(k, byMm = new Map());
  const { mm } = k.current;
  const has = byMm.get(mm) ?? 0;
  if (Object.values(NEEDS).includes(command) || command === 4) byMm.set(mm, has | command);
  const needs = NEEDS[command];
  if (needs !== undefined && (has & needs) === 0) return recordedOr(k, -EPERM);
  if (command === GLOBAL) k.call(fn("synchronize_rcu"));
  return 0;
});
