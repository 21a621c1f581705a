/**
 * Timer ticks, as the kernel counts them.
 *
 * @module
 */

/** Ticks per second (`CONFIG_HZ` of Debian's kernels). */
export const HZ = 250;
/** The count at boot: it overflows 32 bits after five minutes. */
export const INITIAL_JIFFIES: number = 2 ** 32 - 300 * HZ;
/** Nanoseconds from one tick to the next. */
export const NS_PER_TICK: number = 1_000_000_000 / HZ;

/** The value of `jiffies` at a virtual time in nanoseconds. */
export function jiffiesAt(ns: number): number {
  return INITIAL_JIFFIES + Math.floor(ns / NS_PER_TICK);
}

/** The virtual time, in nanoseconds, at which `jiffies` becomes that value. */
export function nsOfJiffies(jiffies: number): number {
  return (jiffies - INITIAL_JIFFIES) * NS_PER_TICK;
}
