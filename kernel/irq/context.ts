/**
 * What each CPU is in the middle of: hard interrupts, softirqs, sections with softirqs off. Linux keeps it in
 * `preempt_count`.
 *
 * @module
 */

/** One CPU's interrupt context. */
export interface CpuContext {
  /** Hard interrupts that it handles now, nested. */
  hardirq: number;
  /** Whether it runs softirq handlers. */
  softirq: boolean;
  /** Softirqs are off (`local_bh_disable`), nested. */
  bhDisabled: number;
}

/** Interrupt contexts of all CPUs. */
export class InterruptContexts {
  readonly #cpus: CpuContext[];

  /** Nothing goes on yet. */
  constructor(cpus: number) {
    this.#cpus = Array.from({ length: cpus }, () => ({ hardirq: 0, softirq: false, bhDisabled: 0 }));
  }

  /** That of one CPU. */
  of(cpu: number): CpuContext {
    return this.#cpus[cpu] as CpuContext;
  }

  /** `in_interrupt()`: neither process context nor softirqs on. */
  inInterrupt(cpu: number): boolean {
    const context = this.of(cpu);
    return context.hardirq > 0 || context.softirq || context.bhDisabled > 0;
  }
}
