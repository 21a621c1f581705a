/**
 * The tick: a timer per CPU that keeps jiffies, accounts time and gives the scheduler its chance to preempt, while the
 * CPU is busy. An idle CPU has none, unless its timer wheel has something to run. `kernel/time/tick-sched.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { SPIN_LOCK, SPIN_UNLOCK } from "../calls/locks.ts";
import { RAISE_SOFTIRQ } from "../irq/softirq.ts";
import type { Kernel } from "../kernel.ts";
import { SCHEDULER_TICK } from "../sched/fair.ts";
import { sizeOfStruct, symbolAddress } from "../process/objects.ts";
import {
  HRTIMER_FORWARD,
  HRTIMER_NORESTART,
  HRTIMER_RESTART,
  hrtimerExpires,
  setHrtimerExpiry,
  setHrtimerFunction,
  startHrtimer,
  stopHrtimer,
} from "./hrtimer.ts";
import { jiffiesAt, nsOfJiffies } from "./jiffies.ts";
import { ACCOUNT_PROCESS_TICK, RCU_SCHED_CLOCK_IRQ, UPDATE_WALL_TIME } from "./tick_parts.ts";
import { NS_PER_JIFFY, TIMER_SOFTIRQ, timersDue } from "./timer.ts";

interface CpuTick {
  /** Its `sched_timer`. */
  readonly timer: Addr;
  /** Comes at every jiffy. */
  running: boolean;
}

/** The ticks of one kernel's CPUs. */
export class Tick {
  readonly #k: Kernel;
  readonly #cpus: (CpuTick | undefined)[] = [];
  #jiffies: Addr | undefined;

  constructor(k: Kernel) {
    this.#k = k;
  }

  /** Whether a CPU's tick comes at every jiffy. */
  running(cpu: number): boolean {
    return this.#cpus[cpu]?.running ?? false;
  }

  /** Ticks that are programmed. */
  get queued(): number {
    let queued = 0;
    for (const tick of this.#cpus) if (tick !== undefined && this.#k.hrtimers.active(tick.timer)) queued++;
    return queued;
  }

  /** A CPU has something to run: `tick_nohz_idle_exit`. */
  start(cpu: number): void {
    const tick = this.#of(cpu);
    if (tick.running) return;
    tick.running = true;
    stopHrtimer(this.#k, tick.timer);
    this.#program(tick, this.next(cpu));
  }

  /** A CPU goes idle: only what its timer wheel has wakes it (`tick_nohz_idle_stop_tick`). */
  stop(cpu: number): void {
    const tick = this.#of(cpu);
    if (!tick.running) return;
    tick.running = false;
    this.#k.load.idle(this.#k.scheduler.rq(cpu));
    const expiry = this.#k.timers.nextExpiry(cpu);
    if (expiry === Infinity) stopHrtimer(this.#k, tick.timer);
    else startHrtimer(this.#k, tick.timer, cpu, Math.max(nsOfJiffies(expiry), this.#k.clock.now));
  }

  /** The wheel of a CPU has its first timer at that jiffy: an idle CPU has to wake up for it. */
  timerQueued(cpu: number, expiry: number): void {
    const tick = this.#of(cpu);
    if (!tick.running) this.#program(tick, Math.max(nsOfJiffies(expiry), this.#k.clock.now));
  }

  /** Writes the count into `jiffies_64`, where the image says where that is. */
  store(): void {
    const k = this.#k;
    this.#jiffies ??= symbolAddress(k, "jiffies_64");
    if (this.#jiffies !== 0) k.memory.store(this.#jiffies, 8, jiffiesAt(k.clock.now));
  }

  /** After a tick: when the next one comes, NaN for never. */
  next(cpu: number): number {
    const tick = this.#of(cpu);
    if (tick.running) return Math.floor(this.#k.clock.now / NS_PER_JIFFY + 1) * NS_PER_JIFFY;
    const expiry = this.#k.timers.nextExpiry(cpu);
    return expiry === Infinity ? Number.NaN : Math.max(nsOfJiffies(expiry), this.#k.clock.now + NS_PER_JIFFY);
  }

  #of(cpu: number): CpuTick {
    let tick = this.#cpus[cpu];
    if (tick === undefined) {
      const timer = this.#k.slab.kmalloc(sizeOfStruct(this.#k, "hrtimer"));
      setHrtimerFunction(this.#k, timer, TICK_SCHED_TIMER);
      this.#cpus[cpu] = tick = { timer, running: false };
    }
    return tick;
  }

  #program(tick: CpuTick, at: number): void {
    const k = this.#k;
    if (k.hrtimers.active(tick.timer) && hrtimerExpires(k, tick.timer) <= at) return;
    startHrtimer(k, tick.timer, this.#cpus.indexOf(tick), at);
  }
}

const CALC_GLOBAL_LOAD: FunctionRef = behaviour("calc_global_load", [], (k) => {
  k.load.update();
  return Number.NaN;
});

const TICK_DO_UPDATE_JIFFIES64: FunctionRef = behaviour(
  "tick_do_update_jiffies64",
  [SPIN_LOCK, CALC_GLOBAL_LOAD, SPIN_UNLOCK, UPDATE_WALL_TIME],
  (k) => {
    k.tick.store();
    k.call(SPIN_LOCK);
    k.call(CALC_GLOBAL_LOAD);
    k.call(SPIN_UNLOCK);
    k.call(UPDATE_WALL_TIME);
    return Number.NaN;
  },
);

const TICK_SCHED_DO_TIMER: FunctionRef = behaviour("tick_sched_do_timer", [TICK_DO_UPDATE_JIFFIES64], (k) => {
  k.call(TICK_DO_UPDATE_JIFFIES64, k.clock.now);
  return Number.NaN;
});

const UPDATE_PROCESS_TIMES: FunctionRef = behaviour(
  "update_process_times",
  [
    ACCOUNT_PROCESS_TICK,
    fn("hrtimer_run_queues"),
    RAISE_SOFTIRQ,
    RCU_SCHED_CLOCK_IRQ,
    SCHEDULER_TICK,
    fn("run_posix_cpu_timers"),
  ],
  (k, user = 0) => {
    k.call(ACCOUNT_PROCESS_TICK, k.current.address, user);
    k.call(fn("hrtimer_run_queues"));
    if (timersDue(k, k.cpu)) k.call(RAISE_SOFTIRQ, TIMER_SOFTIRQ);
    k.call(RCU_SCHED_CLOCK_IRQ, user);
    k.call(SCHEDULER_TICK);
    k.call(fn("run_posix_cpu_timers"));
    return Number.NaN;
  },
);

const TICK_SCHED_HANDLE: FunctionRef = behaviour(
  "tick_sched_handle",
  [UPDATE_PROCESS_TIMES, fn("profile_tick")],
  (k) => {
    k.call(UPDATE_PROCESS_TIMES, k.interrupts.user ? 1 : 0);
    k.call(fn("profile_tick"), 1);
    return Number.NaN;
  },
);

/** The tick's function: does what is due at every jiffy and goes on while the CPU has one. */
const TICK_SCHED_TIMER: FunctionRef = behaviour(
  "tick_sched_timer",
  [fn("ktime_get"), TICK_SCHED_DO_TIMER, TICK_SCHED_HANDLE, HRTIMER_FORWARD],
  (k, timer = 0) => {
    k.call(fn("ktime_get"));
    k.call(TICK_SCHED_DO_TIMER, Number.NaN, k.clock.now);
    k.call(TICK_SCHED_HANDLE, Number.NaN, Number.NaN);
    const next = k.tick.next(k.cpu);
    if (next !== next) return HRTIMER_NORESTART;
    k.call(HRTIMER_FORWARD, timer, k.clock.now, NS_PER_JIFFY);
    setHrtimerExpiry(k, timer, next);
    return HRTIMER_RESTART;
  },
);
