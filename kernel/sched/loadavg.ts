/**
 * Load averages: how many tasks ran or waited uninterruptibly, over 1, 5 and 15 minutes. `kernel/sched/loadavg.c`.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { symbolAddress } from "../process/objects.ts";
import { HZ, INITIAL_JIFFIES, jiffiesAt } from "../time/jiffies.ts";
import { RQ } from "./fields.ts";
import type { Rq } from "./rq.ts";

/** Bits of precision. */
const FSHIFT = 11;
/** 1.0 as a fixed-point number. */
export const FIXED_1: number = 1 << FSHIFT;
const LOAD_FREQ = 5 * HZ + 1;
/** `EXP_1`, `EXP_5`, `EXP_15`: what is left of an average after one interval. */
const DECAY = [1884, 2014, 2037] as const;
/** CPUs fold what they count before the averages are taken. */
const GRACE = 10;

/** The load averages of one kernel. */
export class LoadAverage {
  readonly #k: Kernel;
  readonly #averages = [0, 0, 0];
  #next = INITIAL_JIFFIES + LOAD_FREQ;
  /** `calc_load_tasks`. */
  #tasks = 0;
  /** Per CPU: the interval in which it folded last. */
  readonly #folded: number[] = [];

  constructor(k: Kernel) {
    this.#k = k;
  }

  /** `avenrun`: 1, 5 and 15 minutes, as fixed-point numbers (`FIXED_1`). */
  get averages(): readonly number[] {
    return this.#averages;
  }

  /** `calc_global_load_tick`: once per interval a CPU counts its tasks in. */
  fold(rq: Rq): void {
    const now = jiffiesAt(this.#k.clock.now);
    if (now < this.#next || this.#folded[rq.cpu] === this.#next) return;
    this.#folded[rq.cpu] = this.#next;
    this.#count(rq);
  }

  /** A CPU goes idle: its tasks are counted out (`calc_load_nohz_start`). */
  idle(rq: Rq): void {
    this.#count(rq);
  }

  /** `calc_global_load`: at a tick, what has become due since the last one. */
  update(): void {
    const k = this.#k;
    const now = jiffiesAt(k.clock.now);
    if (now < this.#next + GRACE) return;
    const intervals = Math.floor((now - this.#next - GRACE) / LOAD_FREQ) + 1;
    // The first interval is what was counted; in those that were slept through nothing ran.
    const active = Math.max(0, this.#tasks) * FIXED_1;
    for (let i = 0; i < DECAY.length; i++) {
      const exp = DECAY[i] ?? 0;
      let load = calcLoad(this.#averages[i] ?? 0, exp, active);
      for (let n = 1; n < intervals && load > 0; n++) load = calcLoad(load, exp, 0);
      this.#averages[i] = load;
    }
    this.#next += intervals * LOAD_FREQ;
    const address = symbolAddress(k, "avenrun");
    if (address === 0) return;
    const { wordSize } = k.arch;
    this.#averages.forEach((load, i) => k.memory.store(address + i * wordSize, wordSize, load));
  }

  #count(rq: Rq): void {
    const active = rq.nrRunning + rq.nrUninterruptible;
    this.#tasks += active - rq.calcLoadActive;
    rq.calcLoadActive = active;
    RQ.calcLoadActive.set(this.#k, rq.address, active);
  }
}

/** `calc_load`: an average that decays towards what is active now. */
export function calcLoad(load: number, exp: number, active: number): number {
  let next = load * exp + active * (FIXED_1 - exp);
  if (active >= load) next += FIXED_1 - 1;
  return Math.floor(next / FIXED_1);
}
