/**
 * Softirqs: work that interrupts leave for right after them. `kernel/softirq.c`.
 *
 * Handlers run on the way out of the interrupt that raised them, in its place on the stack of whatever was interrupted;
 * raised by a system call they run where it turns softirqs on again, else `ksoftirqd` runs them.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { symbolAddress } from "../process/objects.ts";
import { countIrq, SOFTIRQ_NAMES } from "./irq_counts.ts";
import { tracepoint } from "../tracing/reference.ts";
import { SOFTIRQ } from "./vectors.ts";
import { wakeKsoftirqd } from "./ksoftirqd.ts";

export { SOFTIRQ };

const RAISE = tracepoint("irq:softirq_raise", "vec");
const ENTRY = tracepoint("irq:softirq_entry", "vec");
const EXIT = tracepoint("irq:softirq_exit", "vec");
/** `MAX_SOFTIRQ_TIME`, nanoseconds. */
const MAX_TIME = 2_000_000;
/** `MAX_SOFTIRQ_RESTART`. */
const MAX_RESTART = 10;

/** The handlers of one kernel and what each CPU has raised. */
export class Softirqs {
  readonly #k: Kernel;
  readonly #actions: (FunctionRef | undefined)[] = [];
  readonly #pending: Int32Array;

  constructor(k: Kernel) {
    this.#k = k;
    this.#pending = new Int32Array(k.cpus);
  }

  /** `open_softirq`: the handler of a vector. It is called with the address of its `struct softirq_action`. */
  open(vector: number, action: FunctionRef): void {
    this.#actions[vector] = action;
  }

  /** The handler of a vector. */
  action(vector: number): FunctionRef | undefined {
    return this.#actions[vector];
  }

  /** `softirq_vec + vector`; NaN where the image does not say where that is. */
  actionAddress(vector: number): number {
    const table = symbolAddress(this.#k, "softirq_vec");
    return table === 0 ? Number.NaN : table + vector * this.#k.arch.wordSize;
  }

  /** `local_softirq_pending()`: a bit per vector. */
  pending(cpu: number): number {
    return this.#pending[cpu] as number;
  }

  /** Sets what is pending on a CPU. */
  setPending(cpu: number, bits: number): void {
    if (this.#pending[cpu] === bits) return;
    this.#pending[cpu] = bits;
    // The first word of `irq_stat` on x86.
    if (symbolAddress(this.#k, "irq_stat") !== 0) {
      this.#k.memory.store(this.#k.percpu.variable("irq_stat", 64, cpu), 2, bits);
    }
  }
}

/** Marks a vector as pending on this CPU, where the compiler put `__raise_softirq_irqoff` into its caller. */
export function raiseSoftirq(k: Kernel, vector: number): void {
  k.tracepoints.fire(RAISE, vector);
  k.softirqs.setPending(k.cpu, k.softirqs.pending(k.cpu) | 1 << vector);
}

/** Marks a vector as pending on this CPU. */
export const RAISE_SOFTIRQ_NOTRACE: FunctionRef = behaviour("__raise_softirq_irqoff", [], (k, vector = 0) => {
  k.tracepoints.fire(RAISE, vector);
  k.softirqs.setPending(k.cpu, k.softirqs.pending(k.cpu) | 1 << vector);
  return Number.NaN;
});

/** `raise_softirq` with interrupts off already. Outside of interrupts `ksoftirqd` is woken to run it. */
export const RAISE_SOFTIRQ_IRQOFF: FunctionRef = behaviour(
  "raise_softirq_irqoff",
  [RAISE_SOFTIRQ_NOTRACE],
  (k, vector = 0) => {
    k.call(RAISE_SOFTIRQ_NOTRACE, vector);
    if (!k.contexts.inInterrupt(k.cpu)) wakeKsoftirqd(k);
    return Number.NaN;
  },
);

/** Marks a vector as pending on this CPU and makes sure that it will run. */
export const RAISE_SOFTIRQ: FunctionRef = behaviour(
  "raise_softirq",
  [RAISE_SOFTIRQ_NOTRACE],
  (k, vector = 0) => {
    k.call(RAISE_SOFTIRQ_NOTRACE, vector);
    if (!k.contexts.inInterrupt(k.cpu)) wakeKsoftirqd(k);
    return Number.NaN;
  },
);

/** What the vectors' handlers can be. */
const HANDLERS = [fn("net_rx_action"), fn("run_timer_softirq")];

/** Runs the handlers of all pending vectors, again if they raised more, until that takes too long. */
export const HANDLE_SOFTIRQS: FunctionRef = behaviour("handle_softirqs", HANDLERS, (k) => {
  const cpu = k.cpu;
  const context = k.contexts.of(cpu);
  const end = k.clock.now + MAX_TIME;
  context.softirq = true;
  for (let restart = MAX_RESTART; k.softirqs.pending(cpu) !== 0; restart--) {
    if (restart === 0 || k.clock.now >= end && restart < MAX_RESTART) {
      wakeKsoftirqd(k);
      break;
    }
    let pending = k.softirqs.pending(cpu);
    k.softirqs.setPending(cpu, 0);
    while (pending !== 0) {
      const vector = 31 - Math.clz32(pending & -pending);
      pending &= pending - 1;
      const action = k.softirqs.action(vector);
      countIrq(k, SOFTIRQ_NAMES[vector] ?? "RCU");
      k.tracepoints.fire(ENTRY, vector);
      if (action !== undefined) k.call(action, k.softirqs.actionAddress(vector));
      k.tracepoints.fire(EXIT, vector);
    }
  }
  context.softirq = false;
  return Number.NaN;
});

const DO_SOFTIRQ_ASM: FunctionRef = behaviour(
  "__do_softirq",
  [HANDLE_SOFTIRQS],
  (k) => k.call(HANDLE_SOFTIRQS, 0),
);
/** arm64's function on the interrupt stack. */
const DO_SOFTIRQ_ON_STACK: FunctionRef = behaviour("____do_softirq", [DO_SOFTIRQ_ASM], (k) => {
  k.call(DO_SOFTIRQ_ASM);
  return Number.NaN;
});
/** i386: the same. */
const CALL_ON_STACK: FunctionRef = behaviour("call_on_stack", [DO_SOFTIRQ_ASM], (k) => {
  k.call(DO_SOFTIRQ_ASM);
  return Number.NaN;
});
/** arm64 and i386: changes to the interrupt stack. */
const DO_SOFTIRQ_OWN_STACK: FunctionRef = behaviour(
  "do_softirq_own_stack",
  [DO_SOFTIRQ_ON_STACK, CALL_ON_STACK],
  (k) => {
    k.call(k.archName === "arm64" ? DO_SOFTIRQ_ON_STACK : CALL_ON_STACK);
    return Number.NaN;
  },
);

/** Runs what is pending on this CPU, unless an interrupt or softirq is being handled: that one will. */
export const DO_SOFTIRQ: FunctionRef = behaviour(
  "do_softirq",
  [DO_SOFTIRQ_OWN_STACK, DO_SOFTIRQ_ASM],
  (k) => {
    if (k.contexts.inInterrupt(k.cpu) || k.softirqs.pending(k.cpu) === 0) return Number.NaN;
    k.call(k.archName === "x86_64" ? DO_SOFTIRQ_ASM : DO_SOFTIRQ_OWN_STACK);
    return Number.NaN;
  },
);

/** x86_64: what is left of `do_softirq` behind the checks that its callers make themselves. */
const DO_SOFTIRQ_PART: FunctionRef = behaviour("do_softirq.part.0", [DO_SOFTIRQ_ASM], (k) => {
  k.call(DO_SOFTIRQ_ASM);
  return Number.NaN;
});

/** Turns softirqs off on this CPU until `LOCAL_BH_ENABLE`. An inline function: no frame. */
export function localBhDisable(k: Kernel): void {
  k.contexts.of(k.cpu).bhDisabled++;
}

/** Turns softirqs on again and runs what is pending: `local_bh_enable`. */
export const LOCAL_BH_ENABLE: FunctionRef = behaviour(
  "__local_bh_enable_ip",
  [DO_SOFTIRQ, DO_SOFTIRQ_PART],
  (k) => {
    const context = k.contexts.of(k.cpu);
    if (context.bhDisabled > 0) context.bhDisabled--;
    if (!k.contexts.inInterrupt(k.cpu) && k.softirqs.pending(k.cpu) !== 0) {
      k.call(k.archName === "x86_64" ? DO_SOFTIRQ_PART : DO_SOFTIRQ);
    }
    return Number.NaN;
  },
);

/** The way into a hard interrupt. */
export const IRQ_ENTER_RCU: FunctionRef = fn("irq_enter_rcu");

/** The way out of a hard interrupt: softirqs run, unless it interrupted one. */
export const IRQ_EXIT_RCU: FunctionRef = behaviour(
  "irq_exit_rcu",
  [DO_SOFTIRQ_OWN_STACK, HANDLE_SOFTIRQS],
  (k) => {
    if (k.contexts.inInterrupt(k.cpu) || k.softirqs.pending(k.cpu) === 0) return Number.NaN;
    k.call(k.archName === "x86_64" ? HANDLE_SOFTIRQS : DO_SOFTIRQ_OWN_STACK);
    return Number.NaN;
  },
);
