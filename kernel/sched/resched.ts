/**
 * Asking a CPU to look at its run queue again.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { Rq } from "./rq.ts";

/** What an interrupt takes from one CPU to another, in nanoseconds. */
export const IPI_NS = 700;

/** The task that runs on a CPU has to give way as soon as it can; another CPU is told by an interrupt. (rq) */
export const RESCHED_CURR: FunctionRef = behaviour("resched_curr", [], (k, rqAddress = 0) => {
  const rq = k.scheduler.rqAt(rqAddress);
  if (rq !== undefined) reschedule(k, rq);
  return Number.NaN;
});

/** The same without a call to see. */
export function reschedule(k: Kernel, rq: Rq): void {
  if (rq.needResched) return;
  rq.needResched = true;
  const delay = rq.claims.length === 0 ? IPI_NS : 0;
  if (!k.scheduler.isRunning(rq)) k.interrupts.raiseReschedule(rq.cpu, k.clock.now + delay);
}
