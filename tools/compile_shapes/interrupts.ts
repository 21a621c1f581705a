/**
 * Interrupts in recorded call trees: they landed inside some function and are no part of what it does.
 *
 * @module
 */

/** What an interrupt begins with, as far as ftrace shows it. */
const BEGIN = "irq_enter_rcu";
/** What it calls after that, on the interrupted function's level: its handler, softirqs, and the tick's end. */
const PART =
  /^(?:idle_cpu|ksoftirqd_running|handle_softirqs|__do_softirq|do_softirq_own_stack|irq_exit_rcu|tick_irq_exit|handle_\w*irq\w*|generic_handle_\w*irq\w*|note_interrupt|irq_work_\w+|hrtimer_interrupt|local_apic_timer_interrupt|scheduler_ipi|sched_ttwu_pending|generic_smp_call_function_\w+)$/;

/** Follows the calls that one function makes, and says which of them belong to an interrupt. */
export class InterruptFilter {
  #inside = false;

  /** Whether the next call belongs to an interrupt. */
  takes(fn: string): boolean {
    this.#inside = fn === BEGIN || (this.#inside && PART.test(fn));
    return this.#inside;
  }
}
