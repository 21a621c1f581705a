/**
 * Objects that kernel code keeps in its stack frame (`struct nameidata`, `struct kernel_clone_args`, …): they have
 * addresses that probes see. They lie in the frame of the newest call, above the stack pointer of everything that it
 * calls while they live; outside of any call, at the low end of the stack.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { SAVED, SP } from "../calls/frame.ts";
import type { Kernel } from "../kernel.ts";

/** Bytes left free at the stack's end, where the kernel keeps its overflow canary. */
const CANARY = 64;
/** Room for the objects of one call, in bytes. */
const ROOM = 3072;

/** Reserves zeroed bytes in the current task's kernel stack until `popLocals` with the same mark. */
export function pushLocal(k: Kernel, bytes: number): Addr {
  const task = k.current;
  const mark = task.locals;
  const size = (bytes + 15) & ~15;
  if (mark + size > ROOM) {
    throw new RangeError(
      `Cannot keep ${bytes} bytes in the kernel stack of ${task.comm}/${task.pid}: it is full`,
    );
  }
  task.locals = mark + size;
  const frame = task.depth > 0 ? task.frames[task.depth - 1] : undefined;
  const address = frame === undefined
    ? task.stackBase + CANARY + mark
    : Math.floor((frame.words[SP] as number) / 8) * 8 - SAVED - mark - size;
  k.memory.fill(address, size, 0);
  return address;
}

/** Gives back everything reserved since `mark` (a former value of `task.locals`). */
export function popLocals(k: Kernel, mark: number): void {
  k.current.locals = mark;
}
