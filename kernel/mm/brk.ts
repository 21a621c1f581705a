/**
 * The heap: `brk`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { ENOMEM } from "../syscalls/errno.ts";
import { MM, VM_ACCOUNT, VM_MAY, VM_READ, VM_WRITE } from "./fields.ts";
import { mmAt, newVma, PAGE } from "./mm_struct.ts";
import { DO_MAS_ALIGN_MUNMAP, withMas } from "./munmap.ts";

const HEAP_FLAGS = VM_READ | VM_WRITE | VM_MAY | VM_ACCOUNT;
const CHECK_BRK_LIMITS = fn("check_brk_limits");

/** Grows the heap over `[addr, addr + len)`: 0 or -errno. */
export const DO_BRK_FLAGS: FunctionRef = behaviour(
  "do_brk_flags",
  [fn("may_expand_vm")],
  (k, _mas, _vma, addr = 0, len = 0) => {
    const mm = mmAt(k, k.current.mm);
    const space = k.current.userSpace;
    if (mm === undefined || space === null) return -ENOMEM;
    k.call(fn("may_expand_vm"), mm.address, HEAP_FLAGS, len / PAGE);
    const heap = mm.areas.find((area) => area.end === addr && area.file === 0 && area.flags === HEAP_FLAGS);
    if (heap !== undefined) mm.adjust(heap, { end: addr + len });
    else {mm.insert(
        { start: addr, end: addr + len, flags: HEAP_FLAGS, file: 0, pgoff: addr / PAGE },
        newVma(k),
      );}
    space.map(addr, len, 3);
    return 0;
  },
);

/** Functions that `brk` calls. */
export const BRK_CALLS: readonly FunctionRef[] = [CHECK_BRK_LIMITS, DO_BRK_FLAGS, DO_MAS_ALIGN_MUNMAP];

/** `brk`: the end of the heap after the call, which is the old one if it could not be moved. */
export function brk(k: Kernel, wanted: number): number {
  const task = k.current;
  const mm = mmAt(k, task.mm);
  if (mm === undefined) return 0;
  const ret = task.request?.recorded?.ret;
  const told = ret === undefined ? undefined : k.image.pointerSize === 4 ? ret >>> 0 : ret;
  // A recording tells where the heap is with its first `brk(NULL)`.
  if (told !== undefined && wanted === 0) {
    if (MM.brk.get(k, mm.address) !== told) {
      MM.startBrk.set(k, mm.address, told);
      MM.brk.set(k, mm.address, told);
    }
    return told;
  }
  const old = MM.brk.get(k, mm.address);
  if (wanted < MM.startBrk.get(k, mm.address) || told !== undefined && told !== wanted) return told ?? old;
  const from = Math.ceil(old / PAGE) * PAGE;
  const to = Math.ceil(wanted / PAGE) * PAGE;
  if (to < from) {
    const area = mm.overlapping(to, from)[0];
    if (area !== undefined) {
      withMas(
        k,
        (mas) => k.calls.callN(DO_MAS_ALIGN_MUNMAP, [mas, area.address, mm.address, to, from, 0, 1]),
      );
    }
  } else if (to > from) {
    if (to > k.arch.layout.userEnd || told === undefined && mm.overlapping(from, to).length > 0) return old;
    k.call(CHECK_BRK_LIMITS, from, to - from);
    const error = withMas(k, (mas) => k.call(DO_BRK_FLAGS, mas, 0, from, to - from, 0));
    if (error !== 0) return old;
  }
  MM.brk.set(k, mm.address, wanted);
  return wanted;
}
