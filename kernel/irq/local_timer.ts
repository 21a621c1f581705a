/**
 * The CPU's own timer interrupt, from its entry to `hrtimer_interrupt`.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import { HRTIMER_INTERRUPT } from "../time/hrtimer.ts";
import { countIrq } from "./irq_counts.ts";
import { tracepoint } from "../tracing/reference.ts";

const ENTRY = tracepoint("irq_vectors:local_timer_entry", "vector");
const EXIT = tracepoint("irq_vectors:local_timer_exit", "vector");
/** `LOCAL_TIMER_VECTOR`. */
const VECTOR = 0xec;

/** x86: the local APIC's vector. */
export const SYSVEC_APIC_TIMER: FunctionRef = behaviour(
  "__sysvec_apic_timer_interrupt",
  [HRTIMER_INTERRUPT],
  (k) => {
    countIrq(k, "LOC");
    k.tracepoints.fire(ENTRY, VECTOR);
    k.call(HRTIMER_INTERRUPT, Number.NaN);
    k.tracepoints.fire(EXIT, VECTOR);
    return Number.NaN;
  },
);

/** arm64: the handler of the architected timer's per-CPU line. */
export const ARCH_TIMER_HANDLER: FunctionRef = behaviour(
  "arch_timer_handler_virt",
  [HRTIMER_INTERRUPT],
  (k) => {
    k.call(HRTIMER_INTERRUPT, Number.NaN);
    return 1;
  },
);
