/**
 * Calls inside a user program: the stack frames and registers that they leave, and the breakpoints that they run into.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { accessUser } from "../mm/page_fault.ts";
import type { Task } from "../process/task.ts";
import { executeBreakpoint, trampolineAddress } from "./handle_swbp.ts";
import { uprobesIfAny } from "./table.ts";
import { setUserRegister, userRegister } from "./user_registers.ts";

/** A call under way: where the caller's registers stood, and where the frame is. */
export interface UserFrame {
  readonly ip: Addr;
  readonly sp: Addr;
  readonly fp: Addr;
  /** Where the saved frame pointer and the return address lie. */
  readonly frame: Addr;
}

const PAGE = 4096;

/** Bytes of a stack frame below the saved registers: the function's own. */
const LOCALS = 48;

/**
 * The program of the running task calls the function at `address`, from code that it will return to at `from`. Its frame
 * stands when this returns.
 */
export function enterUserFunction(
  k: Kernel,
  task: Task,
  address: Addr,
  from: Addr,
  args: readonly number[],
): UserFrame {
  const { arch, memory } = k;
  const word = arch.wordSize;
  const sp = userRegister(k, task, arch.spRegister);
  const fp = userRegister(k, task, arch.fpRegister);
  let top = sp;
  const push = (value: number): void => {
    top -= word;
    present(k, task, top);
    memory.writeWord(top, value);
  };
  if (word === 4) { for (let i = args.length - 1; i >= 0; i--) push(args[i] ?? 0); }
  else {args.forEach((value, i) => {
      const register = arch.argumentRegisters[i];
      if (register !== undefined) setUserRegister(k, task, register, value);
    });}
  if (arch.linkRegister === null) push(from);
  else setUserRegister(k, task, arch.linkRegister, from);
  setUserRegister(k, task, arch.spRegister, top);
  setUserRegister(k, task, arch.ipRegister, address);
  accessUser(k, task, address, { write: false, instruction: true });
  const uprobes = uprobesIfAny(k);
  if (uprobes !== undefined && !uprobes.empty && uprobes.trapsAt(address)) executeBreakpoint(k, task);
  // The prologue: the frame pointer is saved beside the return address, and points to where it is.
  if (arch.linkRegister !== null) push(userRegister(k, task, arch.linkRegister));
  push(fp);
  setUserRegister(k, task, arch.fpRegister, top);
  setUserRegister(k, task, arch.spRegister, top - LOCALS);
  setUserRegister(k, task, arch.ipRegister, address + 8);
  return { ip: from, sp, fp, frame: top };
}

/** The function that was entered last returns `result` to its caller. */
export function leaveUserFunction(k: Kernel, task: Task, caller: UserFrame, result: number): void {
  const { arch, memory } = k;
  const word = arch.wordSize;
  const back = memory.readPointer(caller.frame + word);
  setUserRegister(k, task, arch.returnRegisters[0], result);
  setUserRegister(k, task, arch.fpRegister, caller.fp);
  setUserRegister(k, task, arch.spRegister, caller.sp);
  setUserRegister(k, task, arch.ipRegister, back);
  if (back === trampolineAddress(k) && uprobesIfAny(k) !== undefined) executeBreakpoint(k, task);
  setUserRegister(k, task, arch.ipRegister, caller.ip);
}

/** The page of a stack word is there: its access faults before, not inside, what writes it. */
function present(k: Kernel, task: Task, address: Addr): void {
  if (task.userSpace?.pageAt(Math.floor(address / PAGE)) === undefined) {
    accessUser(k, task, address, { write: true });
  }
}
