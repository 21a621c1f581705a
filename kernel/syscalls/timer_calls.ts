/**
 * System calls about POSIX timers.
 *
 * @module
 */

import { recorded, recordedOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser } from "../process/user_store.ts";
import {
  POSIX_TIMERS,
  timerCreate,
  timerDelete,
  type TimerEvent,
  timerGetoverrun,
  timerGettime,
  timerSettime,
  type TimerTimes,
} from "../time/posix_timers.ts";
import { syscall } from "./define.ts";
import { EFAULT, EINVAL } from "./errno.ts";

/** Longest time that is exact in nanoseconds, in seconds. */
const LONGEST = 8e6;

syscall("timer_create", ["int", "ulong", "ulong"], POSIX_TIMERS, (k, clock = 0, sigevent = 0, idAt = 0) => {
  const outcome = recorded(k);
  if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
  let event: TimerEvent | null = null;
  if (sigevent !== 0) {
    const w = k.image.pointerSize;
    const at = (offset: number, size: number): number => loadUser(k, sigevent + offset, size, true);
    event = { value: at(0, w), signo: at(w, 4), notify: at(w + 4, 4), thread: at(w + 8, 4) };
    if (Number.isNaN(event.value + event.signo + event.notify)) {
      if (outcome === undefined) return -EFAULT;
      event = null;
    }
  }
  const id = timerCreate(k, clock, event);
  if (id < 0) return recordedOr(k, id);
  return storeUser(k, idAt, 4, id) ? 0 : recordedOr(k, -EFAULT);
});

for (const [suffix, part] of [["", 8], ["32", 4]] as const) {
  const load = (k: Kernel, at: number): number | undefined => {
    const seconds = loadUser(k, at, part, true);
    const nanos = loadUser(k, at + part, part === 4 ? 4 : k.image.pointerSize, true);
    if (Number.isNaN(seconds + nanos)) return Number.NaN;
    return seconds < 0 || nanos < 0 || nanos >= 1e9 ? undefined : Math.min(seconds, LONGEST) * 1e9 + nanos;
  };
  const told = (k: Kernel, times: TimerTimes | number, at: number): number => {
    if (typeof times === "number") return recordedOr(k, times);
    if (at === 0) return 0;
    const words = [times.interval, times.value].flatMap((ns) => [Math.floor(ns / 1e9), Math.floor(ns % 1e9)]);
    return words.every((word, i) => storeUser(k, at + i * part, part, word)) ? 0 : recordedOr(k, -EFAULT);
  };
  syscall(
    `timer_settime${suffix}`,
    ["int", "int", "ulong", "ulong"],
    POSIX_TIMERS,
    (k, id = 0, flags = 0, wanted = 0, old = 0) => {
      if (wanted === 0) return -EINVAL;
      const interval = load(k, wanted);
      const value = load(k, wanted + 2 * part);
      if (interval === undefined || value === undefined) return -EINVAL;
      if (Number.isNaN(interval + value)) return recordedOr(k, -EFAULT);
      return told(k, timerSettime(k, id, flags, { interval, value }), old);
    },
  );
  syscall(`timer_gettime${suffix}`, ["int", "ulong"], POSIX_TIMERS, (k, id = 0, at = 0) => {
    return told(k, timerGettime(k, id), at);
  });
}
syscall("timer_getoverrun", ["int"], [], (k, id = 0) => recordedOr(k, timerGetoverrun(k, id)));
syscall("timer_delete", ["int"], POSIX_TIMERS, (k, id = 0) => recordedOr(k, timerDelete(k, id)));
