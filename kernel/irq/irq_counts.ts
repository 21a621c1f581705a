/**
 * How often interrupts and softirqs came, by CPU: what `/proc/interrupts`, `/proc/softirqs` and `/proc/stat` tell.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";

const counts = new WeakMap<Kernel, Map<string, number[]>>();
const NONE: readonly number[] = [];

/** One more of a kind came on the current CPU: a line's number, a softirq's name, `LOC`, `RES`, `CAL`. */
export function countIrq(k: Kernel, kind: string): void {
  let kinds = counts.get(k);
  if (kinds === undefined) counts.set(k, kinds = new Map());
  let byCpu = kinds.get(kind);
  if (byCpu === undefined) kinds.set(kind, byCpu = new Array<number>(k.cpus).fill(0));
  byCpu[k.cpu] = (byCpu[k.cpu] ?? 0) + 1;
}

/** How many of a kind came on each CPU. */
export function irqCounts(k: Kernel, kind: string): readonly number[] {
  const found = counts.get(k)?.get(kind) ?? NONE;
  return Array.from({ length: k.cpus }, (_, cpu) => found[cpu] ?? 0);
}

/** How many of a kind came altogether. */
export function irqTotal(k: Kernel, kind: string): number {
  return (counts.get(k)?.get(kind) ?? NONE).reduce((sum, count) => sum + count, 0);
}

/** Softirqs by vector, as `/proc/softirqs` names them. */
export const SOFTIRQ_NAMES = [
  "HI",
  "TIMER",
  "NET_TX",
  "NET_RX",
  "BLOCK",
  "IRQ_POLL",
  "TASKLET",
  "SCHED",
  "HRTIMER",
  "RCU",
] as const;
