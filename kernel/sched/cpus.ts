/**
 * Which CPU a task runs on.
 *
 * Kernel code that does not block runs to its end before other code begins, so stretches of two tasks may overlap in
 * virtual time; placement spreads them over CPUs as a real kernel would. Where kernel code on every CPU has got further
 * than a task that becomes ready, the task waits for the first of them: no CPU's time goes backwards.
 *
 * @module
 */

/** How long each CPU is busy. */
export class Cpus {
  /** Virtual time until which each CPU is taken. */
  readonly #busyUntil: Float64Array;
  readonly #reached: Float64Array;

  /** All are free. */
  constructor(count: number) {
    this.#busyUntil = new Float64Array(count);
    this.#reached = new Float64Array(count);
  }

  /**
   * The CPU for a task that becomes ready at `now`: the one it ran on last if that is free, else the free one with the
   * lowest number, else the one that is free first (the lowest of equals).
   */
  pick(previous: number, now: number): number {
    const busy = this.#busyUntil;
    if (busy[previous]! <= now) return previous;
    let best = 0;
    for (let cpu = 0; cpu < busy.length; cpu++) {
      if (busy[cpu]! <= now) return cpu;
      if (busy[cpu]! < busy[best]!) best = cpu;
    }
    return best;
  }

  /** The latest time that kernel code on a CPU reached: none may run there before. */
  reached(cpu: number): number {
    return this.#reached[cpu] ?? 0;
  }

  /** Kernel code on `cpu` ran up to `time`. */
  reach(cpu: number, time: number): void {
    if (time > this.#reached[cpu]!) this.#reached[cpu] = time;
    this.occupy(cpu, time);
  }

  /** A task keeps `cpu` until `time`. */
  occupy(cpu: number, time: number): void {
    if (time > this.#busyUntil[cpu]!) this.#busyUntil[cpu] = time;
  }
}
