/**
 * The heap: `brk`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { ENOMEM } from "../syscalls/errno.ts";
import { MM, VM_ACCOUNT, VM_LOCKED, VM_MAY, VM_READ, VM_SOFTDIRTY, VM_WRITE } from "./fields.ts";
import { mmAt, PAGE } from "./mm_struct.ts";
import { DO_MAS_ALIGN_MUNMAP, MAX_MAP_COUNT, withMas } from "./munmap.ts";
import { MM_POPULATE } from "./populate.ts";
import { neighbours } from "./vma_merge.ts";

const HEAP_FLAGS = VM_READ | VM_WRITE | VM_MAY | VM_ACCOUNT;
const CHECK_BRK_LIMITS = fn("check_brk_limits");

/** Grows the heap over `[addr, addr + len)`: 0 or -errno. */
export const DO_BRK_FLAGS: FunctionRef = behaviour(
  "do_brk_flags",
  [fn("may_expand_vm"), fn("security_vm_enough_memory_mm"), fn("vm_area_alloc"), fn("khugepaged_enter_vma")],
  (k, _mas, _vma, addr = 0, len = 0) => {
    const mm = mmAt(k, k.current.mm);
    const space = k.current.userSpace;
    if (mm === undefined || space === null) return -ENOMEM;
    const flags = HEAP_FLAGS | MM.defFlags.get(k, mm.address);
    k.call(fn("may_expand_vm"), mm.address, flags, len / PAGE);
    if (mm.areas.length > MAX_MAP_COUNT) return -ENOMEM;
    if (k.call(fn("security_vm_enough_memory_mm"), mm.address, len / PAGE) < 0) return -ENOMEM;
    const { before } = neighbours(k, mm, {
      start: addr,
      end: addr + len,
      flags,
      file: 0,
      pgoff: addr / PAGE,
      anonVma: 0,
    });
    let vma = before?.address ?? 0;
    if (before !== undefined) mm.adjust(before, { end: addr + len });
    else {
      vma = k.call(fn("vm_area_alloc"), mm.address);
      const soft = k.image.arch === "x86_64" ? VM_SOFTDIRTY : 0;
      mm.insert({ start: addr, end: addr + len, flags: flags + soft, file: 0, pgoff: addr / PAGE }, vma);
    }
    k.call(fn("khugepaged_enter_vma"), vma, flags);
    space.map(addr, len, 3);
    return 0;
  },
);

/** Functions that `brk` calls. */
export const BRK_CALLS: readonly FunctionRef[] = [
  CHECK_BRK_LIMITS,
  DO_BRK_FLAGS,
  DO_MAS_ALIGN_MUNMAP,
  fn("userfaultfd_unmap_complete"),
  MM_POPULATE,
];

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
    const heap = mm.overlapping(from - 1, from)[0]?.address ?? 0;
    const error = withMas(k, (mas) => k.call(DO_BRK_FLAGS, mas, heap, from, to - from, 0));
    if (error !== 0) return old;
    if ((MM.defFlags.get(k, mm.address) & VM_LOCKED) !== 0) k.call(MM_POPULATE, from, to - from, 1);
  }
  MM.brk.set(k, mm.address, wanted);
  return wanted;
}
