/**
 * How an access that finds no page enters the kernel: `do_user_addr_fault` on x86, `do_page_fault` on arm64.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { UserSpace } from "../memory/user_space.ts";
import type { Task } from "../process/task.ts";
import { FORCE_SIG_FAULT } from "../signal/send.ts";
import { tracepoint } from "../tracing/reference.ts";
import {
  FAULT_FLAG_DEFAULT,
  FAULT_FLAG_INSTRUCTION,
  FAULT_FLAG_REMOTE,
  FAULT_FLAG_USER,
  FAULT_FLAG_WRITE,
  VM_FAULT_ERROR,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
  VM_FAULT_SIGSEGV,
} from "./fault_flags.ts";
import { VM_GROWSDOWN } from "./fields.ts";
import { allowed, HANDLE_MM_FAULT } from "./memory.ts";
import { type Mm, mmAt } from "./mm_struct.ts";

const USER = tracepoint("exceptions:page_fault_user", "address", "ip", "error_code");
const KERNEL = tracepoint("exceptions:page_fault_kernel", "address", "ip", "error_code");
/** Room that a stack may still grow by. */
const STACK_GUARD = 256 * 4096;
const PAGE = 4096;

/** Kinds of root calls that a fault makes. */
const AS_FAULT = { kind: "fault" } as const;
const AS_KERNEL_FAULT = { kind: "kernelFault" } as const;
const AS_AREA = { kind: "faultArea" } as const;

/** What an access was. */
export interface Access {
  readonly write: boolean;
  readonly instruction?: boolean;
}

/** Finds the area of an address. */
export const FIND_VMA: FunctionRef = behaviour(
  "find_vma",
  [],
  (k, mm = 0, address = 0) => mmAt(k, mm)?.find(address)?.address ?? 0,
);

/** Takes the lock and finds the area that an access is in, growing a stack where it has to: a `vm_area_struct`, or 0. */
export const LOCK_MM_AND_FIND_VMA: FunctionRef = behaviour(
  "lock_mm_and_find_vma",
  [FIND_VMA, fn("expand_stack_locked")],
  (k, mm = 0, address = 0) => {
    const vma = k.call(FIND_VMA, mm, address);
    const space = mmAt(k, mm);
    const area = vma === 0 ? undefined : space?.areaAt(vma);
    if (space === undefined || area === undefined) return 0;
    if (area.start <= address) return vma;
    if ((area.flags & VM_GROWSDOWN) === 0 || area.start - address > STACK_GUARD) return 0;
    k.call(fn("expand_stack_locked"), vma, address);
    const start = Math.floor(address / PAGE) * PAGE;
    k.current.userSpace?.grow(area.start, start);
    space.adjust(area, { start });
    return vma;
  },
);

/** arm64: an access of user space that needs the kernel's help. */
const DO_PAGE_FAULT = behaviour(
  "do_page_fault",
  [LOCK_MM_AND_FIND_VMA, HANDLE_MM_FAULT],
  (k, address = 0, esr = 0, regs = 0) => handle(k, address, flagsOf(k, esr), regs),
);
const DO_TRANSLATION_FAULT = behaviour(
  "do_translation_fault",
  [DO_PAGE_FAULT],
  (k, address = 0, esr = 0, regs = 0) => k.call(DO_PAGE_FAULT, address, esr, regs),
);
const DO_MEM_ABORT = behaviour(
  "do_mem_abort",
  [DO_TRANSLATION_FAULT, DO_PAGE_FAULT],
  (k, address = 0, esr = 0, regs = 0) =>
    // A missing page is a translation fault, one that must not be written a permission fault.
    k.call((esr & 0x3c) === 0xc ? DO_PAGE_FAULT : DO_TRANSLATION_FAULT, address, esr, regs),
);

/** What the last fault of each kernel answered: the entry functions return nothing. */
const answers = new WeakMap<Kernel, number>();

function handle(k: Kernel, address: Addr, flags: number, regs: Addr): number {
  const mm = k.current.mm;
  const vma = k.call(LOCK_MM_AND_FIND_VMA, mm, address, regs);
  const space = mmAt(k, mm);
  const bad = vma === 0 || space === undefined || refused(space, vma, flags);
  const answer = bad ? VM_FAULT_SIGSEGV : k.call(HANDLE_MM_FAULT, vma, address, flags, regs);
  answers.set(k, answer);
  if ((answer & VM_FAULT_ERROR) !== 0 && (flags & FAULT_FLAG_USER) !== 0) {
    const { signal, code } = signalOf(answer, vma);
    if (signal !== 0) k.call(ARM64_FORCE_SIG_FAULT, signal, code, address, Number.NaN);
  }
  return 0;
}

const ARM64_FORCE_SIG_FAULT = behaviour(
  "arm64_force_sig_fault",
  [FORCE_SIG_FAULT],
  (k, signal = 0, code = 0, address = 0) => k.call(FORCE_SIG_FAULT, signal, code, address),
);
const BAD_AREA_CORE = behaviour(
  "__bad_area_nosemaphore",
  [FORCE_SIG_FAULT],
  (k, _regs, _error, address = 0, _pkey, code = 0) => {
    k.call(FORCE_SIG_FAULT, SIGSEGV, code, address);
    return Number.NaN;
  },
);
/** x86: an access of user space to what is not its own. */
const BAD_AREA = behaviour(
  "bad_area_nosemaphore",
  [BAD_AREA_CORE],
  (k, regs = 0, error = 0, address = 0) => k.call(BAD_AREA_CORE, regs, error, address, 0, SEGV_MAPERR),
);
const SIGBUS = 7;
const SIGSEGV = 11;
const SEGV_MAPERR = 1;
const SEGV_ACCERR = 2;
const BUS_ADRERR = 2;

/** The signal that an access gets; none where memory was short: then somebody was killed. */
function signalOf(answer: number, vma: Addr): { readonly signal: number; readonly code: number } {
  if ((answer & VM_FAULT_SIGBUS) !== 0) return { signal: SIGBUS, code: BUS_ADRERR };
  if ((answer & VM_FAULT_OOM) !== 0) return { signal: 0, code: 0 };
  return { signal: SIGSEGV, code: vma === 0 ? SEGV_MAPERR : SEGV_ACCERR };
}

/** Bits of arm64's `esr`: data abort of user space or kernel, write, kind of fault. */
function esrOf(user: boolean, { write, instruction = false }: Access, present: boolean): number {
  const kind = instruction ? (user ? 0x82000000 : 0x86000000) : user ? 0x92000000 : 0x96000000;
  return kind + (write ? 0x40 : 0) + (present ? 0xf : 0x7);
}

function flagsOf(k: Kernel, esr: number): number {
  const type = Math.floor(esr / 0x4000000);
  const instruction = type === 0x20 || type === 0x21;
  const user = type === 0x24 || type === 0x20;
  void k;
  return faultFlags(user, { write: (esr & 0x40) !== 0 && !instruction, instruction });
}

function faultFlags(user: boolean, { write, instruction = false }: Access): number {
  return FAULT_FLAG_DEFAULT | (user ? FAULT_FLAG_USER : 0) | (write ? FAULT_FLAG_WRITE : 0) |
    (instruction ? FAULT_FLAG_INSTRUCTION : 0);
}

/** x86's error code: present, write, user, instruction. */
function errorCode(user: boolean, { write, instruction = false }: Access, present: boolean): number {
  return (present ? 1 : 0) | (write ? 2 : 0) | (user ? 4 : 0) | (instruction ? 0x10 : 0);
}

/**
 * An access of the running task to its own memory faults: the whole path, from the exception to the page table. `budget`:
 * nanoseconds that it takes, `undefined` for its usual ones. False: the area doesn't allow it.
 */
export function raiseFault(k: Kernel, task: Task, address: Addr, access: Access, budget?: number): boolean {
  const mm = mmAt(k, task.mm);
  const space = task.userSpace;
  if (mm === undefined || space === null) return false;
  const user = task.depth === 0;
  const present = space.pageAt(Math.floor(address / PAGE)) !== undefined;
  const regs = task.userRegs;
  answers.set(k, VM_FAULT_ERROR);
  if (k.image.arch === "arm64") {
    const esr = esrOf(user, access, present);
    k.calls.enter(task, DO_MEM_ABORT, [address, esr, regs], budget, user ? AS_FAULT : AS_KERNEL_FAULT);
  } else {
    const passed = user ? USER : KERNEL;
    if (k.tracepoints.enabled(passed)) {
      const ip = user ? userIp(k, task) : k.calls.functionByName("copy_user_generic_unrolled")?.address ?? 0;
      k.tracepoints.fire(passed, address, ip, errorCode(user, access, present));
    }
    const flags = faultFlags(user, access);
    const looked = share(budget, 0.1);
    const found = k.calls.enter(task, LOCK_MM_AND_FIND_VMA, [mm.address, address, regs], looked, AS_AREA);
    if (found === 0) {
      answers.set(k, VM_FAULT_SIGSEGV);
      if (user) {
        k.calls.enter(task, BAD_AREA, [regs, errorCode(user, access, present), address], 0, AS_FAULT);
      }
    } else if (refused(mm, found, flags)) {
      answers.set(k, VM_FAULT_SIGSEGV);
      if (user) {
        const error = errorCode(user, access, present);
        k.calls.enter(task, BAD_AREA_CORE, [regs, error, address, 0, SEGV_ACCERR], 0, AS_FAULT);
      }
    } else {
      const args = [found, address, flags, regs];
      const answer = k.calls.enter(task, HANDLE_MM_FAULT, args, share(budget, 0.9), AS_FAULT);
      answers.set(k, answer);
      if (user && (answer & VM_FAULT_SIGBUS) !== 0) {
        k.calls.enter(task, FORCE_SIG_FAULT, [SIGBUS, BUS_ADRERR, address], 0, AS_FAULT);
      }
    }
  }
  return ((answers.get(k) ?? 0) & VM_FAULT_ERROR) === 0;
}

/** Whether an area does not let itself be accessed so. */
function refused(mm: Mm, vma: Addr, flags: number): boolean {
  const area = mm.areaAt(vma);
  return area === undefined || !allowed(area, flags);
}

function share(budget: number | undefined, part: number): number | undefined {
  return budget === undefined ? undefined : Math.floor(budget * part);
}

function userIp(k: Kernel, task: Task): Addr {
  const register = k.arch.registers.find((known) => known.name === k.arch.ipRegister);
  return register === undefined ? 0 : k.memory.readPointer(task.userRegs + register.offset);
}

/** What the kernel does when the model touches a user page that is not there: the fault that a real access would raise. */
export function userFault(k: Kernel, space: UserSpace, address: Addr, write: boolean): void {
  const task = k.current;
  const mm = task.mm === 0 ? undefined : mmAt(k, task.mm);
  if (mm === undefined) return;
  if (mm.space === space) {
    if (!mayAccess(mm, address, write)) return;
    // What a recorded call takes is recorded: its faults are in it.
    raiseFault(k, task, address, { write }, task.request?.recorded === undefined ? undefined : 0);
    return;
  }
  const other = mmOfSpace(k, space);
  const area = other?.find(address);
  if (area === undefined || area.start > address) return;
  const flags = FAULT_FLAG_REMOTE | (write ? FAULT_FLAG_WRITE : 0);
  if (allowed(area, flags) && task.depth > 0) k.call(HANDLE_MM_FAULT, area.address, address, flags, 0);
}

function mayAccess(mm: Mm, address: Addr, write: boolean): boolean {
  const area = mm.find(address);
  return area !== undefined && area.start <= address && allowed(area, write ? FAULT_FLAG_WRITE : 0);
}

function mmOfSpace(k: Kernel, space: UserSpace): Mm | undefined {
  for (const task of k.tasks.all()) if (task.userSpace === space) return mmAt(k, task.mm);
  return undefined;
}

/**
 * The running task's program accesses its memory at an address: a fault where the page is not there, or must not be written
 * yet. `budget` as of `raiseFault`. False: the access is not allowed.
 */
export function accessUser(k: Kernel, task: Task, address: Addr, access: Access, budget?: number): boolean {
  const space = task.userSpace;
  if (space === null) return false;
  const key = Math.floor(address / PAGE);
  if (space.pageAt(key) !== undefined && !(access.write && space.writeProtected(key))) return true;
  return raiseFault(k, task, address, access, budget);
}
