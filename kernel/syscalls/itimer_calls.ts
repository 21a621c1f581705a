/**
 * System calls about interval timers.
 *
 * @module
 */

import { recorded, recordedOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser } from "../process/user_store.ts";
import { DO_SETITIMER, doSetitimer, getitimer, type IntervalTimer } from "../time/itimer.ts";
import { syscall } from "./define.ts";
import { EFAULT, EINVAL } from "./errno.ts";

/** Longest time that is exact in nanoseconds, in seconds. */
const LONGEST = 8e6;

syscall("setitimer", ["int", "ulong", "ulong"], [DO_SETITIMER], (k, which = 0, value = 0, ovalue = 0) => {
  if (which < 0 || which > 2) return -EINVAL;
  const w = k.image.pointerSize;
  // Linux takes no pointer for no timer.
  const interval = value === 0 ? 0 : timeval(k, value);
  const first = value === 0 ? 0 : timeval(k, value + 2 * w);
  if (interval === undefined || first === undefined) return -EINVAL;
  if (Number.isNaN(interval + first)) return recordedOr(k, -EFAULT);
  const outcome = recorded(k);
  if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
  return told(k, doSetitimer(k, which, { value: first, interval }), ovalue);
});
syscall("getitimer", ["int", "ulong"], [], (k, which = 0, value = 0) => {
  return which < 0 || which > 2 ? -EINVAL : told(k, getitimer(k, which), value);
});
syscall("alarm", ["uint"], [DO_SETITIMER], (k, seconds = 0) => {
  const old = doSetitimer(k, 0, { value: Math.min(seconds, LONGEST) * 1e9, interval: 0 });
  // Rounded, but what is left is never told as nothing.
  const whole = Math.floor(old.value / 1e9);
  const part = old.value - whole * 1e9;
  return recordedOr(k, (whole === 0 && part > 0) || part >= 5e8 ? whole + 1 : whole);
});

function timeval(k: Kernel, at: number): number | undefined {
  const w = k.image.pointerSize;
  const seconds = loadUser(k, at, w, true);
  const micros = loadUser(k, at + w, w, true);
  if (Number.isNaN(seconds + micros)) return Number.NaN;
  return seconds < 0 || micros < 0 || micros >= 1e6
    ? undefined
    : Math.min(seconds, LONGEST) * 1e9 + micros * 1000;
}

function told(k: Kernel, { value, interval }: IntervalTimer, at: number): number {
  if (at === 0) return 0;
  const w = k.image.pointerSize;
  const words = [interval, value].flatMap((ns) => [Math.floor(ns / 1e9), Math.floor((ns % 1e9) / 1000)]);
  return words.every((word, i) => storeUser(k, at + i * w, w, word)) ? 0 : recordedOr(k, -EFAULT);
}
