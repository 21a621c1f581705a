/**
 * Timers to be read: `fs/timerfd.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { kfree, kzalloc } from "../process/alloc.ts";
import { waitFor } from "../process/sleep.ts";
import { field, sizeIfKnown } from "../process/objects.ts";
import { storeUserBytes } from "../process/user_store.ts";
import { TASK_NORMAL } from "../sched/wake_up.ts";
import { initWaitQueueHead, WAKE_UP_LOCKED_KEY } from "../sched/wait.ts";
import { WAIT_EVENT_CALLS, waitEvent } from "../sched/wait_event.ts";
import {
  HRTIMER_CANCEL,
  HRTIMER_FORWARD,
  HRTIMER_INIT,
  HRTIMER_START_RANGE_NS,
  hrtimerExpires,
  initHrtimer,
} from "../time/hrtimer.ts";
import { BOOT_SECONDS } from "../time/wall_clock.ts";
import { EAGAIN, EBADF, EFAULT, EINVAL, ENOSYS, ERESTARTSYS } from "../syscalls/errno.ts";
import { anonInodeGetfd, GETFD } from "./anon_inodes.ts";
import { fileOf } from "./fdtable.ts";
import { FILE } from "./fields.ts";
import { TIMERFD } from "./fileops.ts";
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from "./modes.ts";
import { EPOLLIN, pollWait, QUEUE_PROCS } from "./poll.ts";
import { recorded, recordedOr } from "./recorded.ts";
import { readOutcome } from "./shmem.ts";

const CTX = {
  tmr: field("timerfd_ctx", "t.tmr"),
  interval: field("timerfd_ctx", "tintv"),
  wqh: field("timerfd_ctx", "wqh"),
  ticks: field("timerfd_ctx", "ticks"),
  clockid: field("timerfd_ctx", "clockid"),
  expired: field("timerfd_ctx", "expired"),
  settimeFlags: field("timerfd_ctx", "settime_flags"),
} as const;
const CLOCK_REALTIME = 0;
const CLOCKS: ReadonlySet<number> = new Set([CLOCK_REALTIME, 1, 7, 8, 9]);
const ABSTIME = 1;
const CANCEL_ON_SET = 2;

/** A timer's two times in nanoseconds: until it expires (0: not set), and between further expiries. */
export interface TimerSetting {
  readonly value: number;
  readonly interval: number;
}

/** The timer has expired. (timer) */
export const TIMERFD_TMRPROC: FunctionRef = behaviour(
  "timerfd_tmrproc",
  [WAKE_UP_LOCKED_KEY],
  (k, timer = 0) => {
    const ctx = timer - CTX.tmr.offset(k);
    CTX.expired.set(k, ctx, 1);
    setTicks(k, ctx, ticksOf(k, ctx) + 1);
    k.call(WAKE_UP_LOCKED_KEY, CTX.wqh.at(k, ctx), TASK_NORMAL, EPOLLIN);
    return 0;
  },
);

/** Makes one: a descriptor, or -errno. */
export function timerfdCreate(k: Kernel, clockid: number, flags: number): number {
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0 || !CLOCKS.has(clockid)) return -EINVAL;
  const size = sizeIfKnown(k, "timerfd_ctx");
  // An image that does not describe it: only what was recorded can happen.
  if (size === 0) {
    return recorded(k) === undefined ? -ENOSYS : anonInodeGetfd(k, "[timerfd]", TIMERFD, 0, O_RDWR | flags);
  }
  const ctx = kzalloc(k, size);
  initWaitQueueHead(k, CTX.wqh.at(k, ctx));
  CTX.clockid.set(k, ctx, clockid);
  initHrtimer(k, CTX.tmr.at(k, ctx), TIMERFD_TMRPROC, clockid, 0);
  const fd = anonInodeGetfd(k, "[timerfd]", TIMERFD, ctx, O_RDWR | flags);
  if (fd < 0) kfree(k, ctx);
  return fd;
}
/** What `timerfdCreate`'s caller lists. */
export const TIMERFD_CREATES: readonly FunctionRef[] = [HRTIMER_INIT, GETFD];

/** Sets a timer; what it was set to before, or -errno. Times may not be known in a replay (NaN): then nothing is set. */
export function timerfdSettime(
  k: Kernel,
  ufd: number,
  flags: number,
  setting: TimerSetting,
): TimerSetting | number {
  if ((flags & ~(ABSTIME | CANCEL_ON_SET)) !== 0) return -EINVAL;
  const file = fileOf(k, ufd);
  if (file === undefined) return -EBADF;
  if (file.ops !== TIMERFD) return -EINVAL;
  const ctx = FILE.privateData.get(k, file.address);
  if (ctx === 0) return recordedOr(k, -EINVAL);
  const timer = CTX.tmr.at(k, ctx);
  k.call(HRTIMER_CANCEL, timer);
  const old = settingOf(k, ctx);
  const interval = setting.interval || 0;
  CTX.expired.set(k, ctx, 0);
  setTicks(k, ctx, 0);
  k.memory.store(CTX.interval.at(k, ctx), 8, interval);
  CTX.settimeFlags.set(k, ctx, flags);
  initHrtimer(k, timer, TIMERFD_TMRPROC, CTX.clockid.get(k, ctx), (flags & ABSTIME) !== 0 ? 0 : 1);
  if (setting.value > 0) {
    const absolute = (flags & ABSTIME) !== 0;
    const offset = absolute && isRealtime(CTX.clockid.get(k, ctx)) ? BOOT_SECONDS * 1e9 : 0;
    const value = Math.max(0, setting.value - offset);
    k.call(HRTIMER_START_RANGE_NS, timer, value, 0, absolute ? 0 : 1);
  }
  return old;
}
/** What the callers of the two list. */
export const TIMERFD_SETS: readonly FunctionRef[] = [
  HRTIMER_CANCEL,
  HRTIMER_INIT,
  HRTIMER_START_RANGE_NS,
  HRTIMER_FORWARD,
];

/** What a timer is set to: the time that is left, and its interval; or -errno. */
export function timerfdGettime(k: Kernel, ufd: number): TimerSetting | number {
  const file = fileOf(k, ufd);
  if (file === undefined) return -EBADF;
  if (file.ops !== TIMERFD) return -EINVAL;
  const ctx = FILE.privateData.get(k, file.address);
  if (ctx === 0) return recordedOr(k, -EINVAL);
  const interval = k.memory.load(CTX.interval.at(k, ctx), 8, true);
  if (CTX.expired.get(k, ctx) !== 0 && interval > 0) restart(k, ctx, interval, 0);
  return settingOf(k, ctx);
}

/** How often it has expired since it was read last. (file, buf, count, pos) */
export const TIMERFD_READ: FunctionRef = blocking(
  "timerfd_read",
  [...WAIT_EVENT_CALLS, HRTIMER_FORWARD, HRTIMER_START_RANGE_NS],
  function* (k, address = 0, buf = 0, count = 0) {
    if (count < 8) return -EINVAL;
    const outcome = readOutcome(k);
    const ctx = FILE.privateData.get(k, address);
    if (ctx === 0) return yield* unknownRead(k, buf);
    const nonblock = (FILE.flags.get(k, address) & O_NONBLOCK) !== 0;
    const ready = (): boolean => ticksOf(k, ctx) > 0;
    if (outcome === undefined && nonblock && !ready()) return -EAGAIN;
    const error = yield* waitEvent(k, CTX.wqh.at(k, ctx), ready);
    if (error < 0) return -ERESTARTSYS;
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    const interval = k.memory.load(CTX.interval.at(k, ctx), 8, true);
    let ticks = ticksOf(k, ctx);
    if (CTX.expired.get(k, ctx) !== 0 && interval > 0) ticks = restart(k, ctx, interval, ticks);
    CTX.expired.set(k, ctx, 0);
    setTicks(k, ctx, 0);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(ticks), true);
    const stored = storeUserBytes(k, buf, outcome?.data?.subarray(0, 8) ?? bytes);
    return outcome?.ret ?? (stored ? 8 : -EFAULT);
  },
);

/** In a replay, a timer that was not made before the model's eyes. */
function* unknownRead(k: Kernel, buf: Addr): Blocking<number> {
  const outcome = readOutcome(k);
  yield* waitFor(k, () => true);
  if (outcome?.data !== undefined && outcome.ret > 0) {
    storeUserBytes(k, buf, outcome.data.subarray(0, outcome.ret));
  }
  return outcome?.ret ?? -EINVAL;
}

/** Readable when it has expired. (file, poll_table) */
export const TIMERFD_POLL: FunctionRef = behaviour(
  "timerfd_poll",
  QUEUE_PROCS,
  (k, address = 0, table = 0) => {
    const ctx = FILE.privateData.get(k, address);
    if (ctx === 0) return 0;
    pollWait(k, address, CTX.wqh.at(k, ctx), table);
    return ticksOf(k, ctx) > 0 ? EPOLLIN : 0;
  },
);

/** The last descriptor is closed. (inode, file) */
export const TIMERFD_RELEASE: FunctionRef = behaviour(
  "timerfd_release",
  [HRTIMER_CANCEL],
  (k, _inode, address = 0) => {
    const ctx = FILE.privateData.get(k, address);
    if (ctx === 0) return 0;
    k.call(HRTIMER_CANCEL, CTX.tmr.at(k, ctx));
    kfree(k, ctx);
    return 0;
  },
);

/** Counts the expiries that went by while nobody read, and waits for the next one. */
function restart(k: Kernel, ctx: Addr, interval: number, ticks: number): number {
  const timer = CTX.tmr.at(k, ctx);
  const missed = k.call(HRTIMER_FORWARD, timer, k.clock.now, interval);
  CTX.expired.set(k, ctx, 0);
  k.call(HRTIMER_START_RANGE_NS, timer, hrtimerExpires(k, timer), 0, 0);
  return ticks + Math.max(0, missed - 1);
}

function isRealtime(clockid: number): boolean {
  return clockid === CLOCK_REALTIME || clockid === 8;
}

function ticksOf(k: Kernel, ctx: Addr): number {
  return k.memory.load(CTX.ticks.at(k, ctx), 8, true);
}

function setTicks(k: Kernel, ctx: Addr, ticks: number): void {
  k.memory.store(CTX.ticks.at(k, ctx), 8, ticks);
}

function settingOf(k: Kernel, ctx: Addr): TimerSetting {
  const timer = CTX.tmr.at(k, ctx);
  const left = k.hrtimers.active(timer) ? Math.max(1, hrtimerExpires(k, timer) - k.clock.now) : 0;
  return { value: left, interval: k.memory.load(CTX.interval.at(k, ctx), 8, true) };
}
