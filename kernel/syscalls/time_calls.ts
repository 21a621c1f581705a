/**
 * System calls that tell and set clocks, and what tasks have used of the CPUs.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { recordedOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { nsCapable } from "../process/capability.ts";
import { childrenUse, processUse, storeRusage, taskUse } from "../process/cputime.ts";
import type { Task } from "../process/task.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser } from "../process/user_store.ts";
import { HZ, NS_PER_TICK } from "../time/jiffies.ts";
import { BOOT_SECONDS, wallTime } from "../time/wall_clock.ts";
import { syscall } from "./define.ts";
import { EFAULT, EINVAL, EPERM } from "./errno.ts";

const CAP_SYS_TIME = 25;
const NS = 1e9;
/** `USER_HZ`: what `times` counts in. */
const NS_PER_USER_TICK = NS / 100;
const RUSAGE_SELF = 0;
const RUSAGE_CHILDREN = -1;
const RUSAGE_THREAD = 1;

const REALTIME = 0;
const PROCESS_CPUTIME = 2;
const THREAD_CPUTIME = 3;
const REALTIME_COARSE = 5;
const MONOTONIC_COARSE = 6;
const TAI = 11;
/** Clocks that exist by number; 10 is not used. */
const LAST_CLOCK = 11;
const UNUSED_CLOCK = 10;

/** A CPU clock of another process or thread has a negative number (`MAKE_PROCESS_CPUCLOCK`). */
const CPUCLOCK_PERTHREAD = 4;
const CPUCLOCK_MASK = 3;
const CPUCLOCK_MAX = 3;

const CPU_CLOCK_SAMPLE: FunctionRef = fn("cpu_clock_sample_group");
const POSIX_CPU_CLOCK_GET: FunctionRef = behaviour("posix_cpu_clock_get", [CPU_CLOCK_SAMPLE], () => 0);
const PROCESS_CPU_CLOCK_GET: FunctionRef = behaviour(
  "process_cpu_clock_get",
  [POSIX_CPU_CLOCK_GET],
  (k, which, tp) => {
    return k.call(POSIX_CPU_CLOCK_GET, which, tp);
  },
);

/** Nanoseconds that a clock shows; undefined where there is none of that number. */
function readClock(k: Kernel, id: number): number | undefined {
  const { now } = k.clock;
  if (id < 0) return readCpuClock(k, id);
  switch (id) {
    case REALTIME:
    case 8:
      return BOOT_SECONDS * NS + now;
    case PROCESS_CPUTIME: {
      k.call(PROCESS_CPU_CLOCK_GET, id, Number.NaN);
      const use = processUse(k, k.current);
      return use.utime + use.stime;
    }
    case THREAD_CPUTIME: {
      const use = taskUse(k, k.current);
      return use.utime + use.stime;
    }
    case REALTIME_COARSE:
      return BOOT_SECONDS * NS + coarse(now);
    case MONOTONIC_COARSE:
      return coarse(now);
    case TAI:
      return BOOT_SECONDS * NS + now;
    default:
      return id > LAST_CLOCK || id === UNUSED_CLOCK ? undefined : now;
  }
}

function readCpuClock(k: Kernel, id: number): number | undefined {
  if ((id & CPUCLOCK_MASK) >= CPUCLOCK_MAX) return undefined;
  const pid = ~(id >> 3);
  const task: Task | undefined = pid === 0 ? k.current : k.tasks.byPid(pid);
  if (task === undefined) return undefined;
  const perThread = (id & CPUCLOCK_PERTHREAD) !== 0;
  if (perThread && task.tgid !== k.current.tgid || !perThread && task.tgid !== task.pid) return undefined;
  const use = perThread ? taskUse(k, task) : processUse(k, task);
  return use.utime + use.stime;
}

function coarse(now: number): number {
  return Math.floor(now / NS_PER_TICK) * NS_PER_TICK;
}

/** Stores a timespec; `size` is that of its words. */
function storeTimespec(k: Kernel, at: number, ns: number, size: number): boolean {
  const sec = Math.floor(ns / NS);
  return storeUser(k, at, size, sec) && storeUser(k, at + size, size, Math.round(ns - sec * NS));
}

// A realtime clock in nanoseconds is beyond exact numbers: seconds and nanoseconds are kept apart.
function storeClock(k: Kernel, id: number, at: number, size: number): number {
  if (id === REALTIME || id === 8 || id === TAI) {
    const { sec, nsec } = wallTime(k);
    return storeUser(k, at, size, sec) && storeUser(k, at + size, size, nsec) ? 0 : -EFAULT;
  }
  const ns = readClock(k, id);
  if (ns === undefined) return -EINVAL;
  return storeTimespec(k, at, ns, size) ? 0 : -EFAULT;
}

for (const narrow of [false, true]) {
  const put = fn(narrow ? "put_old_timespec32" : "put_timespec64");
  const size = narrow ? 4 : 8;
  const suffix = narrow ? "32" : "";
  const time32 = narrow ? "_time32" : "";
  syscall(`clock_gettime${suffix}`, ["int", "ulong"], [PROCESS_CPU_CLOCK_GET, put], (k, id = 0, tp = 0) => {
    const result = storeClock(k, id, tp, size);
    if (result !== -EINVAL) k.call(put, Number.NaN, tp);
    return recordedOr(k, result);
  });
  syscall(`clock_getres${time32}`, ["int", "ulong"], [put], (k, id = 0, tp = 0) => {
    if (readClock(k, id) === undefined) return recordedOr(k, -EINVAL);
    if (tp === 0) return 0;
    const resolution = id === REALTIME_COARSE || id === MONOTONIC_COARSE ? NS / HZ : 1;
    k.call(put, Number.NaN, tp);
    return recordedOr(k, storeTimespec(k, tp, resolution, size) ? 0 : -EFAULT);
  });
  syscall(`clock_settime${suffix}`, ["int", "ulong"], [], (k, id = 0, tp = 0) => {
    if (id !== REALTIME) return recordedOr(k, -EINVAL);
    const nsec = loadUser(k, tp + size, size, true);
    if (Number.isNaN(nsec)) return recordedOr(k, -EFAULT);
    if (nsec < 0 || nsec >= NS) return recordedOr(k, -EINVAL);
    // The wall clock of a run is the same for everybody: setting it is allowed and changes nothing.
    return recordedOr(k, nsCapable(k, CAP_SYS_TIME) ? 0 : -EPERM);
  });
}

syscall("gettimeofday", ["ulong", "ulong"], [], (k, tv = 0, tz = 0) => {
  const { sec, nsec } = wallTime(k);
  const word = k.arch.wordSize;
  if (tv !== 0 && !(storeUser(k, tv, word, sec) && storeUser(k, tv + word, word, Math.floor(nsec / 1000)))) {
    return recordedOr(k, -EFAULT);
  }
  if (tz !== 0 && !(storeUser(k, tz, 4, 0) && storeUser(k, tz + 4, 4, 0))) return recordedOr(k, -EFAULT);
  return 0;
});

syscall("settimeofday", ["ulong", "ulong"], [], (k, tv = 0) => {
  if (tv !== 0) {
    const usec = loadUser(k, tv + k.arch.wordSize, k.arch.wordSize, true);
    if (Number.isNaN(usec)) return recordedOr(k, -EFAULT);
    if (usec < 0 || usec >= 1e6) return recordedOr(k, -EINVAL);
  }
  return recordedOr(k, nsCapable(k, CAP_SYS_TIME) ? 0 : -EPERM);
});

for (const name of ["time", "time32"]) {
  syscall(name, ["ulong"], [], (k, at = 0) => {
    const { sec } = wallTime(k);
    if (at !== 0 && !storeUser(k, at, k.arch.wordSize, sec)) return recordedOr(k, -EFAULT);
    return recordedOr(k, sec);
  });
}

const GROUP_CPUTIME: FunctionRef = fn("thread_group_cputime_adjusted");
const DO_SYS_TIMES: FunctionRef = behaviour("do_sys_times", [GROUP_CPUTIME], (k) => {
  k.call(GROUP_CPUTIME, k.current.address, Number.NaN, Number.NaN);
  return Number.NaN;
});

syscall("times", ["ulong"], [DO_SYS_TIMES], (k, at = 0) => {
  const ticks = Math.floor(k.clock.now / NS_PER_USER_TICK);
  if (at === 0) return recordedOr(k, ticks);
  k.call(DO_SYS_TIMES, Number.NaN);
  const own = processUse(k, k.current);
  const children = childrenUse(k, k.current);
  const word = k.arch.wordSize;
  const stored = [own.utime, own.stime, children.utime, children.stime].every((ns, i) =>
    storeUser(k, at + i * word, word, Math.floor(ns / NS_PER_USER_TICK))
  );
  return recordedOr(k, stored ? ticks : -EFAULT);
});

const GETRUSAGE: FunctionRef = behaviour("getrusage", [GROUP_CPUTIME], (k, task = 0, who = 0) => {
  if (who !== RUSAGE_THREAD) k.call(GROUP_CPUTIME, task, Number.NaN, Number.NaN);
  return Number.NaN;
});

syscall("getrusage", ["int", "ulong"], [GETRUSAGE], (k, who = 0, ru = 0) => {
  if (who !== RUSAGE_SELF && who !== RUSAGE_CHILDREN && who !== RUSAGE_THREAD) return recordedOr(k, -EINVAL);
  const task = k.current;
  k.call(GETRUSAGE, task.address, who, Number.NaN);
  const use = who === RUSAGE_SELF
    ? processUse(k, task)
    : who === RUSAGE_THREAD
    ? taskUse(k, task)
    : childrenUse(k, task);
  return recordedOr(k, storeRusage(k, ru, use) ? 0 : -EFAULT);
});
