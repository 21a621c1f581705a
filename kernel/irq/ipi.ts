/**
 * Interrupts between CPUs: look at your run queue, call a function.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import { SCHED_TTWU_PENDING } from "../sched/wake_up.ts";
import { countIrq } from "./irq_counts.ts";
import { tracepoint } from "../tracing/reference.ts";

const RESCHEDULE_ENTRY = tracepoint("irq_vectors:reschedule_entry", "vector");
const RESCHEDULE_EXIT = tracepoint("irq_vectors:reschedule_exit", "vector");
const CALL_ENTRY = tracepoint("irq_vectors:call_function_single_entry", "vector");
const CALL_EXIT = tracepoint("irq_vectors:call_function_single_exit", "vector");
const IPI_ENTRY = tracepoint("ipi:ipi_entry", "reason");
const IPI_EXIT = tracepoint("ipi:ipi_exit", "reason");
const RESCHEDULE_VECTOR = 0xfd;
const CALL_FUNCTION_SINGLE_VECTOR = 0xfb;
/** Nanoseconds of the handler itself. */
const ACKNOWLEDGE = 150;

/** x86: nothing but noticing that the run queue has changed; the function is inlined, so this is no frame. */
export const SCHEDULER_IPI: FunctionRef = behaviour("scheduler_ipi", [], (k) => {
  countIrq(k, "RES");
  k.tracepoints.fire(RESCHEDULE_ENTRY, RESCHEDULE_VECTOR);
  k.calls.spend(ACKNOWLEDGE);
  k.tracepoints.fire(RESCHEDULE_EXIT, RESCHEDULE_VECTOR);
  return Number.NaN;
});

/** Runs what other CPUs asked for. */
const FLUSH_QUEUE: FunctionRef = behaviour("__flush_smp_call_function_queue", [SCHED_TTWU_PENDING], (k) => {
  k.call(SCHED_TTWU_PENDING, Number.NaN);
  return Number.NaN;
});
const CALL_FUNCTION_INTERRUPT: FunctionRef = behaviour(
  "generic_smp_call_function_single_interrupt",
  [FLUSH_QUEUE],
  (k) => {
    k.call(FLUSH_QUEUE, 1);
    return Number.NaN;
  },
);

/** x86: calls the functions of the queue. */
export const CALL_FUNCTION_SINGLE: FunctionRef = behaviour(
  "__sysvec_call_function_single",
  [CALL_FUNCTION_INTERRUPT],
  (k) => {
    countIrq(k, "CAL");
    k.tracepoints.fire(CALL_ENTRY, CALL_FUNCTION_SINGLE_VECTOR);
    k.calls.spend(ACKNOWLEDGE);
    k.call(CALL_FUNCTION_INTERRUPT);
    k.tracepoints.fire(CALL_EXIT, CALL_FUNCTION_SINGLE_VECTOR);
    return Number.NaN;
  },
);

/** arm64: all of them; `dev_id` tells which: 0 rescheduling, 1 function call. */
export const IPI_HANDLER: FunctionRef = behaviour(
  "ipi_handler",
  [CALL_FUNCTION_INTERRUPT],
  (k, _irq, ipi = 0) => {
    const reason = ipi === 0 ? "Rescheduling interrupts" : "Function call interrupts";
    k.tracepoints.fire(IPI_ENTRY, reason);
    k.calls.spend(ACKNOWLEDGE);
    if (ipi === 1) k.call(CALL_FUNCTION_INTERRUPT);
    k.tracepoints.fire(IPI_EXIT, reason);
    return 1;
  },
);
