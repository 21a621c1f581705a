/**
 * The registers of a user program, in the `pt_regs` at the top of its task's kernel stack, and its stack.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { registerOf } from "../arch/model.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";

/** A register of a task's program. */
export function userRegister(k: Kernel, task: Task, name: string): number {
  const info = registerOf(k.arch, name);
  return info === undefined ? 0 : k.memory.readPointer(task.userRegs + info.offset);
}

/** Sets a register of a task's program. */
export function setUserRegister(k: Kernel, task: Task, name: string, value: number): void {
  const info = registerOf(k.arch, name);
  if (info !== undefined) k.memory.writeWord(task.userRegs + info.offset, value);
}

/** Where the function that was just entered returns to. */
export function returnAddress(k: Kernel, task: Task): Addr {
  const link = k.arch.linkRegister;
  if (link !== null) return userRegister(k, task, link);
  return k.memory.readPointer(userRegister(k, task, k.arch.spRegister));
}

/** Makes it return elsewhere. */
export function setReturnAddress(k: Kernel, task: Task, address: Addr): void {
  const link = k.arch.linkRegister;
  if (link !== null) setUserRegister(k, task, link, address);
  else k.memory.writeWord(userRegister(k, task, k.arch.spRegister), address);
}

/** Frames that a user stack is followed for at most. */
const MAX_FRAMES = 1024;

/**
 * `perf_callchain_user`: the instruction pointer and the return addresses that follow from the chain of frame pointers, as
 * far as the stack is present. At a function's first instruction its frame is not there yet: the immediate caller is missed,
 * as the real one misses it.
 */
export function userCallchain(k: Kernel, task: Task, depth: number): Addr[] {
  const word = k.arch.wordSize;
  const chain = [userRegister(k, task, k.arch.ipRegister)];
  let frame = userRegister(k, task, k.arch.fpRegister);
  while (chain.length < Math.min(depth, MAX_FRAMES) && frame > 0) {
    const next = k.memory.probeReadInt(frame, word, false);
    const address = k.memory.probeReadInt(frame + word, word, false);
    if (!(next === next && address === address) || address === 0) break;
    chain.push(address);
    if (next <= frame) break;
    frame = next;
  }
  return chain.slice(0, depth);
}
