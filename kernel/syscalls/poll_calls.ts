/**
 * System calls that wait for descriptors: `poll`, `select`, `epoll`; and descriptors made to be waited for.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { DO_EVENTFD } from "../fs/eventfd.ts";
import { DO_EPOLL_CREATE, DO_EPOLL_CTL, DO_EPOLL_WAIT, epollCtl, epollEventLayout } from "../fs/eventpoll.ts";
import { recorded, recordedOr } from "../fs/recorded.ts";
import { CORE_SYS_SELECT, DO_SYS_POLL, setDeadline } from "../fs/select.ts";
import { DO_SIGNALFD4 } from "../fs/signalfd.ts";
import {
  TIMERFD_CREATES,
  TIMERFD_SETS,
  timerfdCreate,
  timerfdGettime,
  timerfdSettime,
  type TimerSetting,
} from "../fs/timerfd.ts";
import type { Kernel } from "../kernel.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser } from "../process/user_store.ts";
import { writeSet } from "../signal/fields.ts";
import { restoreSigmaskUnless, SET_USER_SIGMASK } from "../signal/mask.ts";
import { loadUserSet } from "../signal/user_set.ts";
import { blockingSyscall, syscall } from "./define.ts";
import { EFAULT, EINTR, EINVAL, ERESTART_RESTARTBLOCK, ERESTARTNOHAND } from "./errno.ts";

/** 8 million seconds: the largest time that is exact in nanoseconds. Longer than any run. */
const LONGEST = 8e6;
const SET_TIMEOUT = fn("poll_select_set_timeout");
const FINISH = fn("poll_select_finish");

/** How a time lies in user memory: bytes of its two parts, and nanoseconds per unit of the second. */
interface TimeFormat {
  readonly seconds: 4 | 8;
  readonly fraction: 4 | 8;
  readonly unit: 1 | 1000;
}
const word = (k: Kernel): 4 | 8 => k.image.pointerSize as 4 | 8;
/** `__kernel_timespec`: 64 bits each, of which 32-bit programs fill the lower half of the second. */
const timespec = (k: Kernel): TimeFormat => ({ seconds: 8, fraction: word(k), unit: 1 });
const TIMESPEC32: TimeFormat = { seconds: 4, fraction: 4, unit: 1 };
const timeval = (k: Kernel): TimeFormat => ({ seconds: word(k), fraction: word(k), unit: 1000 });

/** Nanoseconds of a time in user memory; NaN at a bad address, undefined where it is no time. */
function loadTime(k: Kernel, at: number, { seconds, fraction, unit }: TimeFormat): number | undefined {
  const whole = loadUser(k, at, seconds, true);
  const part = loadUser(k, at + seconds, fraction, true);
  if (Number.isNaN(whole + part)) return Number.NaN;
  if (whole < 0 || part < 0 || part >= 1e9 / unit) return undefined;
  return Math.min(whole, LONGEST) * 1e9 + part * unit;
}

/** Writes a time back; programs with a bad pointer are not told. */
function storeTime(k: Kernel, at: number, ns: number, { seconds, fraction, unit }: TimeFormat): boolean {
  const whole = Math.floor(ns / 1e9);
  return storeUser(k, at, seconds, whole) &&
    storeUser(
      k,
      at + seconds,
      seconds === 8 && unit === 1 ? 8 : fraction,
      Math.floor((ns - whole * 1e9) / unit),
    );
}

/** Runs a wait with a limit read from user memory, and writes what is left of it back. */
function* limited(
  k: Kernel,
  at: number,
  format: TimeFormat,
  body: () => Blocking<number>,
): Blocking<number> {
  let until: number | undefined;
  if (at !== 0) {
    const ns = loadTime(k, at, format);
    if (ns === undefined) return -EINVAL;
    if (Number.isNaN(ns) && recorded(k) === undefined) return -EFAULT;
    k.call(SET_TIMEOUT, Number.NaN, Math.floor((ns || 0) / 1e9), (ns || 0) % 1e9);
    until = k.clock.now + (ns || 0);
  }
  setDeadline(k, until);
  const result = yield* body();
  restoreSigmaskUnless(k, result === -ERESTARTNOHAND);
  k.call(FINISH, Number.NaN, at);
  if (until !== undefined) storeTime(k, at, Math.max(0, until - k.clock.now), format);
  return result;
}

blockingSyscall(
  "poll",
  ["ulong", "uint", "int"],
  [SET_TIMEOUT, DO_SYS_POLL],
  function* (k, ufds = 0, nfds = 0, timeout = 0) {
    let until: number | undefined;
    if (timeout >= 0) {
      k.call(SET_TIMEOUT, Number.NaN, Math.floor(timeout / 1000), (timeout % 1000) * 1e6);
      until = k.clock.now + timeout * 1e6;
    }
    return yield* pollUntil(k, ufds, nfds, until);
  },
);

/** `poll` that a signal breaks off goes on with the same limit. */
function* pollUntil(k: Kernel, ufds: number, nfds: number, until: number | undefined): Blocking<number> {
  setDeadline(k, until);
  const result = yield* k.calls.callBlocking(DO_SYS_POLL, ufds, nfds, until ?? 0);
  if (result !== -ERESTARTNOHAND) return result;
  k.current.restartBlock = () => pollUntil(k, ufds, nfds, until);
  return -ERESTART_RESTARTBLOCK;
}

blockingSyscall("restart_syscall", [], [DO_SYS_POLL, fn("hrtimer_nanosleep"), fn("futex_wait")], (k) => {
  const again = k.current.restartBlock;
  k.current.restartBlock = null;
  return again === null ? recordedOr(k, -EINTR) : again();
});

/** (n, in, out, ex, tsp, sigmask, size, type): the last says how the time lies in memory. */
const DO_PSELECT: FunctionRef = blocking(
  "do_pselect",
  [SET_TIMEOUT, SET_USER_SIGMASK, CORE_SYS_SELECT, FINISH],
  (k, n = 0, inp = 0, outp = 0, exp = 0, tsp = 0, set = 0, size = 0, type = 0) =>
    limited(k, tsp, type === 1 ? TIMESPEC32 : timespec(k), function* () {
      const error = k.call(SET_USER_SIGMASK, set, size);
      if (error !== 0) return error;
      return yield* k.calls.callBlocking(CORE_SYS_SELECT, n, inp, outp, exp, 0);
    }),
);

for (const [suffix, narrow] of [["", false], ["_time32", true]] as const) {
  const format = (k: Kernel): TimeFormat => narrow ? TIMESPEC32 : timespec(k);
  blockingSyscall(
    `ppoll${suffix}`,
    ["ulong", "uint", "ulong", "ulong", "ulong"],
    [SET_TIMEOUT, SET_USER_SIGMASK, DO_SYS_POLL, FINISH],
    function* (k, ufds = 0, nfds = 0, tsp = 0, sigmask = 0, size = 0) {
      return yield* limited(k, tsp, format(k), function* () {
        const error = k.call(SET_USER_SIGMASK, sigmask, size);
        if (error !== 0) return error;
        return yield* k.calls.callBlocking(DO_SYS_POLL, ufds, nfds, 0);
      });
    },
  );
  blockingSyscall(
    `pselect6${suffix}`,
    ["int", "ulong", "ulong", "ulong", "ulong", "ulong"],
    [DO_PSELECT],
    function* (k, n = 0, inp = 0, outp = 0, exp = 0, tsp = 0, sig = 0) {
      // Two words: a pointer to the set, and its size.
      const set = sig === 0 ? 0 : loadUser(k, sig, word(k), true);
      const size = sig === 0 ? 0 : loadUser(k, sig + word(k), word(k), false);
      if (Number.isNaN(set + size)) return recordedOr(k, -EFAULT);
      return yield* k.calls.callBlocking(DO_PSELECT, n, inp, outp, exp, tsp, set, size, narrow ? 1 : 0);
    },
  );
}
blockingSyscall(
  "select",
  ["int", "ulong", "ulong", "ulong", "ulong"],
  [SET_TIMEOUT, CORE_SYS_SELECT, FINISH],
  (k, n = 0, inp = 0, outp = 0, exp = 0, tvp = 0) =>
    limited(k, tvp, timeval(k), function* () {
      return yield* k.calls.callBlocking(CORE_SYS_SELECT, n, inp, outp, exp, 0);
    }),
);
// i386's first form has its arguments in memory.
blockingSyscall("old_select", ["ulong"], [SET_TIMEOUT, CORE_SYS_SELECT, FINISH], (k, arg = 0) => {
  const at = (index: number): number => loadUser(k, arg + index * word(k), word(k), false);
  if (Number.isNaN(at(0) + at(4))) return recordedOr(k, -EFAULT);
  return limited(k, at(4), timeval(k), function* () {
    return yield* k.calls.callBlocking(CORE_SYS_SELECT, at(0) | 0, at(1), at(2), at(3), 0);
  });
});

syscall("epoll_create1", ["int"], [DO_EPOLL_CREATE], (k, flags = 0) => k.call(DO_EPOLL_CREATE, flags));
syscall("epoll_create", ["int"], [DO_EPOLL_CREATE], (k, size = 0) => {
  return size <= 0 ? -EINVAL : k.call(DO_EPOLL_CREATE, 0);
});
syscall(
  "epoll_ctl",
  ["int", "int", "int", "ulong"],
  [DO_EPOLL_CTL],
  (k, epfd = 0, op = 0, fd = 0, event = 0) => {
    if (op === 2) return epollCtl(k, epfd, op, fd, null);
    const events = loadUser(k, event, 4, true);
    const at = event + epollEventLayout(k).data;
    if (Number.isNaN(events + loadUser(k, at, 8, false))) return recordedOr(k, -EFAULT);
    return epollCtl(k, epfd, op, fd, { events, data: k.memory.readBig(at, 8, false) });
  },
);

/** Waits up to a number of milliseconds; less than 0 for ever. */
function* epollWait(
  k: Kernel,
  epfd: number,
  events: number,
  maxevents: number,
  until: number | undefined,
): Blocking<number> {
  setDeadline(k, until);
  return yield* k.calls.callBlocking(DO_EPOLL_WAIT, epfd, events, maxevents, 0);
}
const milliseconds = (k: Kernel, timeout: number): number | undefined =>
  timeout < 0 ? undefined : k.clock.now + timeout * 1e6;

blockingSyscall(
  "epoll_wait",
  ["int", "ulong", "int", "int"],
  [DO_EPOLL_WAIT],
  (k, epfd = 0, events = 0, maxevents = 0, timeout = 0) =>
    epollWait(k, epfd, events, maxevents, milliseconds(k, timeout)),
);
const PWAIT: readonly FunctionRef[] = [SET_USER_SIGMASK, DO_EPOLL_WAIT];
blockingSyscall(
  "epoll_pwait",
  ["int", "ulong", "int", "int", "ulong", "ulong"],
  PWAIT,
  (k, epfd = 0, events = 0, maxevents = 0, timeout = 0, sigmask = 0, size = 0) =>
    epollPwait(k, epfd, events, maxevents, milliseconds(k, timeout), sigmask, size),
);
blockingSyscall(
  "epoll_pwait2",
  ["int", "ulong", "int", "ulong", "ulong", "ulong"],
  PWAIT,
  (k, epfd = 0, events = 0, maxevents = 0, timeout = 0, sigmask = 0, size = 0) => {
    const ns = timeout === 0 ? undefined : loadTime(k, timeout, timespec(k));
    if (timeout !== 0 && ns === undefined) return -EINVAL;
    if (Number.isNaN(ns)) return recordedOr(k, -EFAULT);
    return epollPwait(k, epfd, events, maxevents, ns === undefined ? ns : k.clock.now + ns, sigmask, size);
  },
);
function* epollPwait(
  k: Kernel,
  epfd: number,
  events: number,
  maxevents: number,
  until: number | undefined,
  sigmask: number,
  size: number,
): Blocking<number> {
  const error = k.call(SET_USER_SIGMASK, sigmask, size);
  if (error !== 0) return error;
  const result = yield* epollWait(k, epfd, events, maxevents, until);
  restoreSigmaskUnless(k, result === -EINTR);
  return result;
}

syscall("eventfd2", ["uint", "int"], [DO_EVENTFD], (k, count, flags) => k.call(DO_EVENTFD, count, flags));
syscall("eventfd", ["uint"], [DO_EVENTFD], (k, count) => k.call(DO_EVENTFD, count, 0));

syscall(
  "signalfd4",
  ["int", "ulong", "ulong", "int"],
  [DO_SIGNALFD4],
  (k, ufd = 0, mask = 0, size = 0, flags = 0) => signalfd(k, ufd, mask, size, flags),
);
syscall(
  "signalfd",
  ["int", "ulong", "ulong"],
  [DO_SIGNALFD4],
  (k, ufd = 0, mask = 0, size = 0) => signalfd(k, ufd, mask, size, 0),
);
function signalfd(k: Kernel, ufd: number, mask: number, size: number, flags: number): number {
  if (size !== 8) return -EINVAL;
  const set = loadUserSet(k, mask);
  if (set === null) return recordedOr(k, -EFAULT);
  const mark = k.current.locals;
  const at = pushLocal(k, 8);
  writeSet(k, at, set);
  const fd = k.call(DO_SIGNALFD4, ufd, at, flags);
  popLocals(k, mark);
  return fd;
}

/** What is to be set, then what was set before. */
const settings = new WeakMap<Kernel, TimerSetting>();
const DO_TIMERFD_SETTIME: FunctionRef = behaviour(
  "do_timerfd_settime",
  TIMERFD_SETS,
  (k, ufd = 0, flags = 0) => {
    const wanted = settings.get(k);
    if (wanted === undefined) return -EINVAL;
    const old = timerfdSettime(k, ufd, flags, wanted);
    if (typeof old === "number") return old;
    settings.set(k, old);
    return 0;
  },
);

syscall("timerfd_create", ["int", "int"], TIMERFD_CREATES, (k, clockid = 0, flags = 0) => {
  return timerfdCreate(k, clockid, flags);
});
for (const [suffix, narrow] of [["", false], ["32", true]] as const) {
  const format: TimeFormat = narrow ? TIMESPEC32 : { seconds: 8, fraction: 8, unit: 1 };
  const size = format.seconds * 2;
  syscall(
    `timerfd_settime${suffix}`,
    ["int", "int", "ulong", "ulong"],
    [DO_TIMERFD_SETTIME],
    (k, ufd = 0, flags = 0, utmr = 0, otmr = 0) => {
      const interval = loadTime(k, utmr, format);
      const value = loadTime(k, utmr + size, format);
      if (interval === undefined || value === undefined) return -EINVAL;
      if (Number.isNaN(interval + value) && recorded(k) === undefined) return -EFAULT;
      settings.set(k, { interval, value });
      const error = k.call(DO_TIMERFD_SETTIME, ufd, flags, Number.NaN, Number.NaN);
      return error !== 0 ? error : told(k, settings.get(k) ?? 0, otmr, format);
    },
  );
  syscall(`timerfd_gettime${suffix}`, ["int", "ulong"], TIMERFD_SETS, (k, ufd = 0, otmr = 0) => {
    return told(k, timerfdGettime(k, ufd), otmr, format);
  });
}

/** Stores what a timer is, or was, set to. */
function told(k: Kernel, setting: TimerSetting | number, at: number, format: TimeFormat): number {
  if (typeof setting === "number") return setting;
  if (at === 0) return 0;
  const stored = storeTime(k, at, setting.interval, format) &&
    storeTime(k, at + 2 * format.seconds, setting.value, format);
  return stored ? 0 : recordedOr(k, -EFAULT);
}
