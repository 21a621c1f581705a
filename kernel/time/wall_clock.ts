/**
 * The wall clock: virtual time since boot on top of a date that every run shares.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { HZ, NS_PER_TICK } from "./jiffies.ts";

/** Seconds since 1970 at boot: 2026-01-01T00:00:00Z. Nothing says when a run took place, so all have the same. */
export const BOOT_SECONDS = 1767225600;

/** Seconds and nanoseconds since 1970. */
export interface WallTime {
  readonly sec: number;
  readonly nsec: number;
}

/** What the wall clock showed at the last tick: the time that files get. */
export function coarseTime(k: Kernel): WallTime {
  const ticks = Math.floor(k.clock.begun / NS_PER_TICK);
  const sec = Math.floor(ticks / HZ);
  return { sec: BOOT_SECONDS + sec, nsec: (ticks - sec * HZ) * NS_PER_TICK };
}

/** What the wall clock shows now. */
export function wallTime(k: Kernel): WallTime {
  const { now } = k.clock;
  const sec = Math.floor(now / 1e9);
  return { sec: BOOT_SECONDS + sec, nsec: Math.floor(now - sec * 1e9) };
}
