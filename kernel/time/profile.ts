/**
 * Sampling: at a frequency, on every CPU, whatever runs there is looked at. What `perf_event_open` with a clock event
 * gives to `profile` probes.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import type { PendingInterrupt } from "../sched/scheduler.ts";

/** What a sample is told: the task that runs, and whether it is in user space. `k.cpu` is the CPU. */
export type SampleHandler = (task: Task, user: boolean) => void;

/** Samples all CPUs, at multiples of an interval from its start, until it is stopped. Sampling takes no virtual time. */
export class SampleTimer {
  readonly #k: Kernel;
  readonly #interval: number;
  readonly #handler: SampleHandler;
  readonly #pending: (PendingInterrupt | null)[];

  /** `interval` is in nanoseconds. Throws a `RangeError` below 1000. */
  constructor(k: Kernel, interval: number, handler: SampleHandler) {
    if (!(interval >= 1000)) {
      throw new RangeError(`Cannot sample every ${interval} ns: the interval must be at least 1000 ns`);
    }
    this.#k = k;
    this.#interval = interval;
    this.#handler = handler;
    const start = k.clock.now + interval;
    this.#pending = Array.from({ length: k.cpus }, (_, cpu) => this.#arm(cpu, start));
  }

  /** Stops it. Stopping twice does nothing. */
  stop(): void {
    this.#pending.forEach((pending, cpu) => {
      pending?.cancel();
      this.#pending[cpu] = null;
    });
  }

  #arm(cpu: number, at: number): PendingInterrupt {
    return this.#k.scheduler.interrupt(cpu, at, (task, user) => {
      // Kernel code that nothing may interrupt can have run on meanwhile: samples that it hid are lost, as on Linux.
      const late = Math.max(0, Math.floor((this.#k.clock.now - at) / this.#interval));
      this.#pending[cpu] = this.#arm(cpu, at + (late + 1) * this.#interval);
      this.#handler(task, user);
    });
  }
}
