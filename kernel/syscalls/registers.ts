/**
 * The user registers of a system call, in the `pt_regs` at the top of the task's kernel stack.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { type ArchModel, registerOf } from "../arch/model.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";

interface Slots {
  readonly args: readonly number[];
  readonly number: number;
  readonly result: number;
  /** arm64 keeps the first argument apart, as x0 becomes the result; -1 elsewhere. */
  readonly firstAgain: number;
  readonly stack: number;
}

const tables = new Map<ArchModel, Slots>();
let last: { readonly model: ArchModel; readonly table: Slots } | null = null;

function slots(model: ArchModel): Slots {
  if (last !== null && last.model === model) return last.table;
  let table = tables.get(model);
  if (table === undefined) {
    const offset = (name: string): number => registerOf(model, name)?.offset ?? -1;
    table = {
      args: model.syscallRegisters.map(offset),
      number: offset(model.syscallNumberRegister),
      result: offset(model.returnRegisters[0]),
      firstAgain: offset("orig_x0"),
      stack: offset(model.spRegister),
    };
    tables.set(model, table);
  }
  last = { model, table };
  return table;
}

/** Argument `index` of a system call, a whole signed word, from the `pt_regs` at `regs`. */
export function userArgument(k: Kernel, regs: Addr, index: number): number {
  return word(k, regs + (slots(k.arch).args[index] ?? 0));
}

/**
 * The same where `regs` is the running task's and nothing that could have changed them is armed: as the call was made.
 */
export function madeArgument(k: Kernel, regs: Addr, index: number): number {
  const { current } = k;
  const { request } = current;
  if (
    request !== null && request.via === undefined && index < request.args.length &&
    k.calls.armedCount === 0 && regs === current.userRegs
  ) {
    const value = request.args[index] as number;
    if (value > -EXACT && value < EXACT && value === Math.floor(value)) {
      return k.arch.wordSize === 4 ? value | 0 : value;
    }
  }
  return userArgument(k, regs, index);
}

/** Integers below this are exact as numbers. */
const EXACT = 2 ** 53;

/** A register as a number; one that no number holds exactly is rounded: no call takes such a value for good. */
function word(k: Kernel, at: Addr): number {
  if (k.arch.wordSize === 4) return k.memory.load(at, 4, true);
  const high = k.memory.load(at + 4, 4, true);
  return high * 0x100000000 + k.memory.load(at, 4, false);
}

/** Sets the user registers as they are when a system call enters the kernel. */
export function enterRegisters(k: Kernel, task: Task, number: number, args: readonly number[]): void {
  const table = slots(k.arch);
  const regs = task.userRegs;
  const { memory } = k;
  memory.writeWord(regs + table.number, number);
  if (k.arch.linkRegister === null) memory.writeWord(regs + table.result, -ENOSYS);
  const registers = table.args;
  for (let i = 0; i < registers.length; i++) {
    memory.writeWord(regs + (registers[i] as number), i < args.length ? args[i] as number : 0);
  }
  if (table.firstAgain >= 0) memory.writeWord(regs + table.firstAgain, args[0] ?? 0);
}

/** Stores the result that user space will see. */
export function setResult(k: Kernel, task: Task, ret: number): void {
  k.memory.writeWord(task.userRegs + slots(k.arch).result, ret);
}

/** The result that user space sees, or the number that a call which a signal broke off left there. */
export function resultOf(k: Kernel, task: Task): number {
  return word(k, task.userRegs + slots(k.arch).result);
}

/** The user stack pointer that a task entered the kernel with; 0 where it has none. */
export function stackPointer(k: Kernel, task: Task): Addr {
  const sp = k.memory.readPointer(task.userRegs + slots(k.arch).stack);
  return k.memory.isUser(sp) ? sp : 0;
}

/** Sets it, for a task that begins in user space. */
export function setStackPointer(k: Kernel, task: Task, sp: Addr): void {
  k.memory.writeWord(task.userRegs + slots(k.arch).stack, sp);
}

const ENOSYS = 38;
