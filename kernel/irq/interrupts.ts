/**
 * Interrupts as the CPUs take them: at a virtual time, on top of whatever runs there.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { EntryKind } from "../calls/entry_paths.ts";
import type { Kernel } from "../kernel.ts";
import type { PendingInterrupt } from "../sched/scheduler.ts";
import type { Task } from "../process/task.ts";
import { COMMON_INTERRUPT, GENERIC_HANDLE_DOMAIN_IRQ, type IrqLine, vectorOf } from "./irq_desc.ts";
import { ARCH_TIMER_HANDLER, SYSVEC_APIC_TIMER } from "./local_timer.ts";
import { CALL_FUNCTION_SINGLE, IPI_HANDLER, SCHEDULER_IPI } from "./ipi.ts";
import { IRQ_ENTER_RCU, IRQ_EXIT_RCU } from "./softirq.ts";

/** The kinds of entries that interrupts have. */
export type InterruptKind = "irq" | "timer" | "reschedule" | "call_function";

/** arm64: the interrupt controller's driver. */
const GIC_HANDLE_IRQ: FunctionRef = behaviour("gic_handle_irq", [GENERIC_HANDLE_DOMAIN_IRQ], (k) => {
  k.call(GENERIC_HANDLE_DOMAIN_IRQ, Number.NaN, k.interrupts.acknowledged);
  return Number.NaN;
});
/** arm64: changes to the interrupt stack. */
const DO_INTERRUPT_HANDLER: FunctionRef = behaviour("do_interrupt_handler", [GIC_HANDLE_IRQ], (k, regs) => {
  k.call(GIC_HANDLE_IRQ, regs ?? Number.NaN);
  return Number.NaN;
});

/**
 * Raises interrupts. One that is raised for a time at which its CPU runs kernel code already, in the order in which the
 * model runs things, is taken as soon as that code is done: as if it ran with interrupts off.
 */
export class Interrupts {
  readonly #k: Kernel;
  /** The number that the controller gave for the interrupt being handled. */
  acknowledged = 0;
  /** Whether the interrupt being handled came while its CPU was in user space. */
  user = false;
  #timer: IrqLine | undefined;
  readonly #ipis: IrqLine[] = [];

  constructor(k: Kernel) {
    this.#k = k;
  }

  /** Raises a device's line on `cpu` at virtual time `at` (default now). Cancel it through the result. */
  raise(line: IrqLine, cpu: number, at: number = this.#k.clock.now): PendingInterrupt {
    return this.#k.scheduler.interrupt(cpu, at, (task, user) => this.#line(task, user, line));
  }

  /** Raises the timer interrupt of a CPU: its high-resolution timers that have expired run. */
  raiseTimer(cpu: number, at: number): PendingInterrupt {
    const k = this.#k;
    return k.scheduler.interrupt(cpu, at, (task, user) => {
      if (k.archName === "arm64") this.#line(task, user, this.#timerLine());
      else this.handle(task, user, "timer", SYSVEC_APIC_TIMER, [user ? task.userRegs : Number.NaN]);
    });
  }

  /** Tells a CPU to look at its run queue. */
  raiseReschedule(cpu: number, at: number): PendingInterrupt {
    return this.#raiseIpi(cpu, at, "reschedule", SCHEDULER_IPI, 0);
  }

  /** Tells a CPU to take over the tasks that were woken for it. */
  raiseCallFunction(cpu: number, at: number): PendingInterrupt {
    return this.#raiseIpi(cpu, at, "call_function", CALL_FUNCTION_SINGLE, 1);
  }

  #raiseIpi(cpu: number, at: number, kind: InterruptKind, root: FunctionRef, ipi: number): PendingInterrupt {
    const k = this.#k;
    return k.scheduler.interrupt(cpu, at, (task, user) => {
      if (k.archName === "arm64") {
        const line = this.#ipis[ipi] ??= k.irqs.request({
          name: "IPI",
          handler: IPI_HANDLER,
          devId: ipi,
          flow: "percpu",
        });
        this.#line(task, user, line);
      } else if (root === SCHEDULER_IPI) this.bare(task, user, kind, root);
      else this.handle(task, user, kind, root, [user ? task.userRegs : Number.NaN]);
    });
  }

  /** An interrupt without the work of others around it (`DEFINE_IDTENTRY_SYSVEC_SIMPLE`). */
  bare(task: Task, user: boolean, kind: InterruptKind, root: FunctionRef): void {
    const k = this.#k;
    this.user = user;
    const context = k.contexts.of(k.cpu);
    context.hardirq++;
    k.calls.enter(task, root, [], undefined, { kind: user ? `${kind}_user` : kind });
    context.hardirq--;
  }

  /** arm64: the architected timer's line, the same on every CPU. */
  #timerLine(): IrqLine {
    return this.#timer ??= this.#k.irqs.request({
      name: "arch_timer",
      handler: ARCH_TIMER_HANDLER,
      devId: 0,
      flow: "percpu",
    });
  }

  /**
   * Runs a hard interrupt's root function on the task that it interrupted: entry frames, `irq_enter_rcu`, the function,
   * `irq_exit_rcu` with the softirqs. The time it takes passes.
   */
  handle(task: Task, user: boolean, kind: InterruptKind, root: FunctionRef, args: readonly number[]): void {
    const k = this.#k;
    const entry: { readonly kind: EntryKind } = { kind: user ? `${kind}_user` : kind };
    const context = k.contexts.of(k.cpu);
    this.user = user;
    k.calls.enter(task, IRQ_ENTER_RCU, [], undefined, entry);
    context.hardirq++;
    k.calls.enter(task, root, args, undefined, entry);
    context.hardirq--;
    k.calls.enter(task, IRQ_EXIT_RCU, [], undefined, entry);
  }

  #line(task: Task, user: boolean, line: IrqLine): void {
    const regs = user ? task.userRegs : Number.NaN;
    this.acknowledged = line.irq;
    if (this.#k.archName === "arm64") {
      this.handle(task, user, "irq", DO_INTERRUPT_HANDLER, [regs]);
    } else this.handle(task, user, "irq", COMMON_INTERRUPT, [regs, vectorOf(line)]);
  }
}
