/**
 * Objects that kernel code keeps in its stack frame (`struct nameidata`, `struct kernel_clone_args`, …): they have
 * addresses that probes see. The call engine writes frames from the top of the stack down; locals grow from above
 * its end (`STACK_END_MAGIC`) up, so the two never meet in the few kilobytes that either needs.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";

/** Bytes left free at the stack's end, where the kernel keeps its overflow canary. */
const CANARY = 64;
/** Room for locals, in bytes. */
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
  const address = task.stackBase + CANARY + mark;
  k.memory.fill(address, size, 0);
  return address;
}

/** Gives back everything reserved since `mark` (a former value of `task.locals`). */
export function popLocals(k: Kernel, mark: number): void {
  k.current.locals = mark;
}
