/**
 * Timers of socks: `struct timer_list`s in the wheel.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import { functionPointer } from "../../calls/function_pointer.ts";
import type { Kernel } from "../../kernel.ts";
import { field } from "../../process/objects.ts";
import { jiffiesAt } from "../../time/jiffies.ts";
import { MOD_TIMER, NS_PER_JIFFY } from "../../time/timer.ts";

const TIMER_FUNCTION = field("timer_list", "function");

/** A timer that is part of some object. */
export class SkTimer {
  /** Address of the `struct timer_list`. */
  readonly address: Addr;
  readonly #k: Kernel;

  /** Makes the timer at an address; `handler` is called with that address. */
  constructor(k: Kernel, address: Addr, handler: FunctionRef) {
    this.#k = k;
    this.address = address;
    TIMER_FUNCTION.set(k, address, functionPointer(k, handler));
  }

  /** Whether it will fire. */
  get pending(): boolean {
    return this.#k.timers.pending(this.address);
  }
}

/** Arms a timer; due at `at` nanoseconds, rounded up to a tick. */
export function startTimer(k: Kernel, timer: SkTimer, at: number): void {
  k.call(MOD_TIMER, timer.address, timerJiffies(k, at));
}

/** Stops a timer without a call to see. */
export function stopTimer(k: Kernel, timer: SkTimer): void {
  k.timers.remove(timer.address);
}

/** The jiffy at or after a time, as timers keep it. */
export function timerJiffies(k: Kernel, at: number): number {
  return jiffiesAt(k.clock.now) + Math.ceil((at - k.clock.now) / NS_PER_JIFFY);
}

/** Arms a sock's timer: (sk, timer, expires in jiffies). */
export const SK_RESET_TIMER: FunctionRef = behaviour(
  "sk_reset_timer",
  [MOD_TIMER],
  (k, _sk, timer = 0, expires = 0) => {
    k.call(MOD_TIMER, timer, expires);
    return Number.NaN;
  },
);
/** Stops a sock's timer: (sk, timer). */
export const SK_STOP_TIMER: FunctionRef = behaviour(
  "sk_stop_timer",
  [fn("timer_delete")],
  (k, _sk, timer = 0) => {
    k.call(fn("timer_delete"), timer);
    return Number.NaN;
  },
);
