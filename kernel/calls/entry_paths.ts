/**
 * How the kernel gets into a root call: the functions and return addresses below a system call entry, the work on the
 * way back to user space, an interrupt's softirqs, a kernel thread.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";

/** What a root call is. */
export type EntryKind = "syscall" | "exit" | "fault" | "softirq" | "kthread" | "bare";

/** One root's surroundings. */
export interface EntryPath {
  /** Functions that can be probed between the fixed base and the root call, outermost first. */
  readonly through: readonly string[];
  /** Return addresses below, innermost first: symbol, offset. */
  readonly base: readonly { readonly symbol: string; readonly offset: number }[];
}

const NONE: EntryPath = { through: [], base: [] };

/**
 * Offsets come from the recordings' stacks and return lines and from call sites. Those of `entry_SYSENTER_32` to
 * `__do_fast_syscall_32`, of page fault entries, of the way back to user space below `exit_to_user_mode_prepare` or
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
    softirq: NONE,
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
        { symbol: "do_page_fault", offset: 0x174 },
        { symbol: "do_translation_fault", offset: 0xac },
        { symbol: "do_mem_abort", offset: 0x4c },
        { symbol: "el0_da", offset: 0x3c },
        { symbol: "el0t_64_sync_handler", offset: 0xc4 },
        { symbol: "el0t_64_sync", offset: 0x18c },
      ],
    },
    softirq: NONE,
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
    softirq: NONE,
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
