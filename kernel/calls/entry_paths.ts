/**
 * How the kernel gets into a root call: the functions and return addresses below a system call entry, the work on the
 * way back to user space, an interrupt's softirqs, a kernel thread.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";

/** What a root call is. */
export type EntryKind =
  | "syscall"
  | "exit"
  | "fault"
  /** Where a fault looks for its area, before `fault`. */
  | "faultArea"
  /** A fault of the kernel's own access to user memory, on arm64. */
  | "kernelFault"
  /** A breakpoint of user space. */
  | "debug"
  /** The way back from it. */
  | "debug_exit"
  | "kthread"
  | "bare"
  /** A device's interrupt; `_user`: of user space. */
  | "irq"
  | "irq_user"
  /** The local timer's. */
  | "timer"
  | "timer_user"
  /** Another CPU asks this one to look at its run queue. */
  | "reschedule"
  | "reschedule_user"
  /** Another CPU asks this one to call a function. */
  | "call_function"
  | "call_function_user"
  /** The way back to user space out of an interrupt. */
  | "preempted"
  /** A new task's first steps. */
  | "fork"
  /** The idle task of the CPU that booted, and of the others. */
  | "boot"
  | "secondary";

/** One root's surroundings. */
export interface EntryPath {
  /** Functions that can be probed between the fixed base and the root call, outermost first. */
  readonly through: readonly string[];
  /** Return addresses below, innermost first: symbol, offset. */
  readonly base: readonly { readonly symbol: string; readonly offset: number }[];
}

const NONE: EntryPath = { through: [], base: [] };

/** x86: the handler and its assembly entry, the same whatever was interrupted. */
function vector(handler: string, inHandler: number, inEntry: number): EntryPath {
  return {
    through: [],
    base: [{ symbol: handler, offset: inHandler }, { symbol: `asm_${handler}`, offset: inEntry }],
  };
}
const IRQ_64 = vector("common_interrupt", 0x82, 0x22);
const TIMER_64 = vector("sysvec_apic_timer_interrupt", 0x72, 0x16);
const RESCHEDULE_64 = vector("sysvec_reschedule_ipi", 0x5a, 0x16);
const CALL_64 = vector("sysvec_call_function_single", 0x6e, 0x16);
const IRQ_32 = vector("common_interrupt", 0x33, 0xfe);
const TIMER_32 = vector("sysvec_apic_timer_interrupt", 0x2e, 0xfe);
const RESCHEDULE_32 = vector("sysvec_reschedule_ipi", 0x2a, 0xfe);
const CALL_32 = vector("sysvec_call_function_single", 0x2e, 0xfe);
/** arm64: one entry for all interrupts of the kernel, one for those of user space. */
const EL1_IRQ: EntryPath = {
  through: [],
  base: [
    { symbol: "el1_interrupt", offset: 0x34 },
    { symbol: "el1h_64_irq_handler", offset: 0x18 },
    { symbol: "el1h_64_irq", offset: 0x64 },
  ],
};
const EL0_IRQ: EntryPath = {
  through: [],
  base: [
    { symbol: "el0_interrupt", offset: 0x58 },
    { symbol: "__el0_irq_handler_common", offset: 0x18 },
    { symbol: "el0t_64_irq_handler", offset: 0x10 },
    { symbol: "el0t_64_irq", offset: 0x18c },
  ],
};

/**
 * Offsets come from the recordings' stacks and return lines and from call sites. Those of `entry_SYSENTER_32` to
 * `__do_fast_syscall_32`, of page fault and interrupt entries, of the way back to user space below `exit_to_user_mode_prepare` or
 * `do_notify_resume`, and of `ret_from_fork` are in code that cannot be traced and that no recording shows with offsets: they
 * are as other 6.1 kernels print them.
 */
const PATHS: Readonly<Record<Arch, Readonly<Record<EntryKind, EntryPath>>>> = {
  x86_64: {
    syscall: {
      through: ["x64_sys_call"],
      base: [{ symbol: "do_syscall_64", offset: 0x5d }, {
        symbol: "entry_SYSCALL_64_after_hwframe",
        offset: 0x6e,
      }],
    },
    exit: {
      through: ["exit_to_user_mode_prepare"],
      base: [
        { symbol: "syscall_exit_to_user_mode", offset: 0x22 },
        { symbol: "do_syscall_64", offset: 0x6a },
        { symbol: "entry_SYSCALL_64_after_hwframe", offset: 0x6e },
      ],
    },
    fault: {
      through: [],
      base: [
        { symbol: "do_user_addr_fault", offset: 0x191 },
        { symbol: "exc_page_fault", offset: 0x70 },
        { symbol: "asm_exc_page_fault", offset: 0x22 },
      ],
    },
    irq: IRQ_64,
    irq_user: IRQ_64,
    timer: TIMER_64,
    timer_user: TIMER_64,
    reschedule: RESCHEDULE_64,
    reschedule_user: RESCHEDULE_64,
    faultArea: {
      through: [],
      base: [
        { symbol: "do_user_addr_fault", offset: 0x127 },
        { symbol: "exc_page_fault", offset: 0x70 },
        { symbol: "asm_exc_page_fault", offset: 0x22 },
      ],
    },
    kernelFault: NONE,
    debug: {
      through: [],
      base: [{ symbol: "exc_int3", offset: 0x4f }, { symbol: "asm_exc_int3", offset: 0x35 }],
    },
    debug_exit: {
      through: ["exit_to_user_mode_prepare"],
      base: [
        { symbol: "irqentry_exit_to_user_mode", offset: 0x5 },
        { symbol: "exc_int3", offset: 0x5f },
        { symbol: "asm_exc_int3", offset: 0x35 },
      ],
    },
    call_function: CALL_64,
    call_function_user: CALL_64,
    preempted: {
      through: ["exit_to_user_mode_prepare"],
      base: [
        { symbol: "irqentry_exit_to_user_mode", offset: 0x9 },
        { symbol: "asm_sysvec_apic_timer_interrupt", offset: 0x16 },
      ],
    },
    fork: { through: [], base: [{ symbol: "ret_from_fork", offset: 0x8 }] },
    boot: {
      through: [],
      base: [
        { symbol: "rest_init", offset: 0xcc },
        { symbol: "start_kernel", offset: 0x6c8 },
        { symbol: "secondary_startup_64_no_verify", offset: 0xe0 },
      ],
    },
    secondary: {
      through: [],
      base: [
        { symbol: "start_secondary", offset: 0x12a },
        { symbol: "secondary_startup_64_no_verify", offset: 0xe0 },
      ],
    },
    kthread: { through: ["kthread"], base: [{ symbol: "ret_from_fork", offset: 0x1f }] },
    bare: NONE,
  },
  arm64: {
    syscall: {
      through: [
        "do_el0_svc",
        "el0_svc_common.constprop.0",
        "invoke_syscall",
      ],
      base: [
        { symbol: "el0_svc", offset: 0x34 },
        { symbol: "el0t_64_sync_handler", offset: 0xf4 },
        { symbol: "el0t_64_sync", offset: 0x18c },
      ],
    },
    exit: {
      through: ["do_notify_resume"],
      base: [
        { symbol: "el0_svc", offset: 0x7c },
        { symbol: "el0t_64_sync_handler", offset: 0xf4 },
        { symbol: "el0t_64_sync", offset: 0x18c },
      ],
    },
    fault: {
      through: [],
      base: [
        { symbol: "el0_da", offset: 0x3c },
        { symbol: "el0t_64_sync_handler", offset: 0xc4 },
        { symbol: "el0t_64_sync", offset: 0x18c },
      ],
    },
    irq: EL1_IRQ,
    irq_user: EL0_IRQ,
    timer: EL1_IRQ,
    timer_user: EL0_IRQ,
    reschedule: EL1_IRQ,
    reschedule_user: EL0_IRQ,
    faultArea: NONE,
    kernelFault: {
      through: [],
      base: [
        { symbol: "el1_abort", offset: 0x3c },
        { symbol: "el1h_64_sync_handler", offset: 0xd4 },
        { symbol: "el1h_64_sync", offset: 0x64 },
      ],
    },
    debug: {
      through: [],
      base: [
        { symbol: "el0_dbg", offset: 0x34 },
        { symbol: "el0t_64_sync_handler", offset: 0x124 },
        { symbol: "el0t_64_sync", offset: 0x18c },
      ],
    },
    debug_exit: {
      through: ["do_notify_resume"],
      base: [
        { symbol: "el0_dbg", offset: 0x50 },
        { symbol: "el0t_64_sync_handler", offset: 0x124 },
        { symbol: "el0t_64_sync", offset: 0x18c },
      ],
    },
    call_function: EL1_IRQ,
    call_function_user: EL0_IRQ,
    preempted: {
      through: ["do_notify_resume"],
      base: [
        { symbol: "el0_interrupt", offset: 0x68 },
        { symbol: "__el0_irq_handler_common", offset: 0x18 },
        { symbol: "el0t_64_irq_handler", offset: 0x10 },
        { symbol: "el0t_64_irq", offset: 0x18c },
      ],
    },
    fork: { through: [], base: [{ symbol: "ret_from_fork", offset: 0x4 }] },
    boot: {
      through: [],
      base: [
        { symbol: "rest_init", offset: 0xdc },
        { symbol: "start_kernel", offset: 0x6d4 },
        { symbol: "__primary_switched", offset: 0xb4 },
      ],
    },
    secondary: {
      through: [],
      base: [
        { symbol: "secondary_start_kernel", offset: 0x14c },
        { symbol: "__secondary_switched", offset: 0xb0 },
      ],
    },
    kthread: { through: ["kthread"], base: [{ symbol: "ret_from_fork", offset: 0x10 }] },
    bare: NONE,
  },
  i386: {
    syscall: {
      through: ["ia32_sys_call"],
      base: [
        { symbol: "__do_fast_syscall_32", offset: 0x68 },
        { symbol: "do_fast_syscall_32", offset: 0x29 },
        { symbol: "do_SYSENTER_32", offset: 0x15 },
        { symbol: "entry_SYSENTER_32", offset: 0x98 },
      ],
    },
    exit: {
      through: ["exit_to_user_mode_prepare"],
      base: [
        { symbol: "syscall_exit_to_user_mode", offset: 0x1d },
        { symbol: "__do_fast_syscall_32", offset: 0x75 },
        { symbol: "do_fast_syscall_32", offset: 0x29 },
        { symbol: "do_SYSENTER_32", offset: 0x15 },
        { symbol: "entry_SYSENTER_32", offset: 0x98 },
      ],
    },
    fault: {
      through: [],
      base: [
        { symbol: "do_user_addr_fault", offset: 0x140 },
        { symbol: "exc_page_fault", offset: 0x60 },
        { symbol: "handle_exception", offset: 0x130 },
      ],
    },
    irq: IRQ_32,
    irq_user: IRQ_32,
    timer: TIMER_32,
    timer_user: TIMER_32,
    reschedule: RESCHEDULE_32,
    reschedule_user: RESCHEDULE_32,
    faultArea: {
      through: [],
      base: [
        { symbol: "do_user_addr_fault", offset: 0x103 },
        { symbol: "exc_page_fault", offset: 0x60 },
        { symbol: "handle_exception", offset: 0x130 },
      ],
    },
    kernelFault: NONE,
    debug: {
      through: [],
      base: [{ symbol: "exc_int3", offset: 0x4f }, { symbol: "asm_exc_int3", offset: 0x35 }],
    },
    debug_exit: {
      through: ["exit_to_user_mode_prepare"],
      base: [
        { symbol: "irqentry_exit_to_user_mode", offset: 0x5 },
        { symbol: "exc_int3", offset: 0x5f },
        { symbol: "asm_exc_int3", offset: 0x35 },
      ],
    },
    call_function: CALL_32,
    call_function_user: CALL_32,
    preempted: {
      through: ["exit_to_user_mode_prepare"],
      base: [
        { symbol: "irqentry_exit_to_user_mode", offset: 0x9 },
        { symbol: "asm_sysvec_apic_timer_interrupt", offset: 0xfe },
      ],
    },
    fork: { through: [], base: [{ symbol: "ret_from_fork", offset: 0x7 }] },
    boot: {
      through: [],
      base: [{ symbol: "rest_init", offset: 0xa8 }, { symbol: "start_kernel", offset: 0x5e8 }],
    },
    secondary: {
      through: [],
      base: [{ symbol: "start_secondary", offset: 0x13e }, { symbol: "startup_32_smp", offset: 0x161 }],
    },
    kthread: { through: ["kthread"], base: [{ symbol: "ret_from_fork", offset: 0x1c }] },
    bare: NONE,
  },
};

/** What lies below a root call of that kind. */
export function entryPath(arch: Arch, kind: EntryKind): EntryPath {
  return PATHS[arch][kind];
}

/** Whether a function stands between the entry code and some kind of root call. */
export function isEntryFunction(arch: Arch, name: string): boolean {
  return Object.values(PATHS[arch]).some((path) => path.through.includes(name));
}
