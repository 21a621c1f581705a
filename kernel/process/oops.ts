/**
 * Where the kernel's own code can't go on: the log tells, and the running task ends there.
 *
 * @module
 */

import type { Fault } from "../arch/resumption.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { KernelBug } from "../kprobes/faults.ts";
import { symbolWithSize } from "../printk/dump_stack.ts";
import { registerLines, trapLines } from "../printk/oops_text.ts";
import { modulesLine, TAINT_DIE, TAINT_SOFTLOCKUP, taintText } from "../printk/taint.ts";
import { DO_EXIT, TaskExit } from "./exit.ts";
import { PF_EXITING, TASK, type Task } from "./task.ts";

/** What the parent of such a task is told that killed it. */
const SIGSEGV = 11;

/** Ends the current task after an oops. (signr) */
export const MAKE_TASK_DEAD: FunctionRef = behaviour(
  "make_task_dead",
  [DO_EXIT],
  (k, signal = 0) => k.call(DO_EXIT, signal),
);

/** One task that the kernel ended because it could not go on. */
export interface Oops {
  readonly pid: number;
  readonly comm: string;
  /** Virtual nanoseconds. */
  readonly time: number;
  /** A sentence: what led there, and what would do. */
  readonly reason: string;
}

/** The oopses of one kernel. */
export class Oopses {
  readonly #k: Kernel;
  readonly #all: Oops[] = [];
  /** Letters of what has tainted the kernel. */
  readonly taints: Set<string> = new Set();
  readonly #dying = new WeakSet<Task>();
  /** Those that the log counts: `[#1]`. */
  #counted = 0;

  constructor(k: Kernel) {
    this.#k = k;
  }

  /** All since boot, oldest first. */
  all(): readonly Oops[] {
    return this.#all;
  }

  /**
   * The running task can't go on: logs why, and ends it. `regs`: what its registers hold, if that is known.
   *
   * @throws {TaskExit} Always, unless the kernel can't do without that task.
   * @throws {KernelBug} In an interrupt, and in the idle task and init: a kernel panic.
   */
  die(fault: Fault, regs: PtRegs | null): never {
    const k = this.#k;
    const { current, log } = k;
    const { comm, pid, cpu } = current;
    k.calls.settle();
    const counts = fault.trap.kind !== "unmodeled" && fault.trap.kind !== "lockup";
    if (counts) this.#counted++;
    for (const [text, level] of trapLines(k, fault.trap, regs, this.#counted)) log.printk(text, level);
    if (fault.trap.kind !== "unmodeled") this.#logState(regs, fault);
    if (counts) this.taints.add(TAINT_DIE);
    else if (fault.trap.kind === "lockup") this.taints.add(TAINT_SOFTLOCKUP);
    log.printk(`kscope: ${comm}[${pid}] ends: ${fault.reason}`, "err");
    this.#all.push({ pid, comm, time: k.clock.now, reason: fault.reason });
    const panics = k.contexts.inInterrupt(cpu)
      ? "Fatal exception in interrupt"
      : pid === 0
      ? "Attempted to kill the idle task!"
      : pid === 1
      ? "Attempted to kill init! exitcode=0x0000000b"
      : null;
    if (panics !== null) {
      log.printk(`Kernel panic - not syncing: ${panics}`, "emerg");
      throw new KernelBug(`Kernel panic - not syncing: ${panics}. ${fault.reason}`);
    }
    // The stack is rewound: nothing on it goes on.
    const exiting = this.#dying.has(current) || (TASK.flags.get(k, current.address) & PF_EXITING) !== 0;
    this.#dying.add(current);
    k.calls.unwind(current);
    current.locals = 0;
    if (exiting) {
      // It can't even end: it is left as it is, and nobody is told.
      log.printk("Fixing recursive fault but reboot is needed!", "alert");
      k.tasks.exit(current, SIGSEGV);
      throw new TaskExit(current);
    }
    k.calls.enter(current, k.release.makesTasksDead ? MAKE_TASK_DEAD : DO_EXIT, [SIGSEGV], undefined, {
      kind: "bare",
    });
    throw new Error(`Task ${comm} (${pid}) went on after it had ended`);
  }

  #logState(regs: PtRegs | null, fault: Fault): void {
    const k = this.#k;
    const { log, current } = k;
    const x86 = k.archName !== "arm64";
    if (!x86) log.printk(modulesLine(k), "warn");
    log.printk(
      `CPU: ${current.cpu} PID: ${current.pid} Comm: ${current.comm} ${taintText(k)} ${k.image.release}`,
      "warn",
    );
    // What registers hold is known where control went, not where it was lost, nor inside a handler.
    const { kind } = fault.trap;
    const known = regs !== null && kind !== "protection" && kind !== "access";
    for (const line of known ? registerLines(k, regs) : []) log.printk(line, "warn");
    log.printk(x86 ? "Call Trace:" : "Call trace:", "warn");
    if (x86) log.printk(" <TASK>", "warn");
    for (const address of k.calls.stack(current)) log.printk(` ${symbolWithSize(k, address)}`, "warn");
    if (x86) {
      log.printk(" </TASK>", "warn");
      log.printk(modulesLine(k), "warn");
    }
    if ((kind === "page" || kind === "access") && k.archName === "x86_64") {
      log.printk(`CR2: ${k.pointers.plain(fault.trap.address)}`, "warn");
    }
    log.printk("---[ end trace 0000000000000000 ]---", "warn");
  }
}
