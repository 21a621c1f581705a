/**
 * Touching the pages of a range in a program's stead: `MAP_POPULATE`, `mlock`, and accesses in another's name.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { EFAULT, ENOMEM } from "../syscalls/errno.ts";
import {
  FAULT_FLAG_ALLOW_RETRY,
  FAULT_FLAG_KILLABLE,
  FAULT_FLAG_WRITE,
  VM_FAULT_ERROR,
  VM_FAULT_OOM,
} from "./fault_flags.ts";
import { VM_SHARED, VM_WRITE } from "./fields.ts";
import { mmAt, PAGE } from "./mm_struct.ts";

const HANDLE_MM_FAULT = fn("handle_mm_fault");
/** `FOLL_WRITE`. */
export const FOLL_WRITE = 1;

/** Faults in the pages of `[start, start + pages)`: how many are there, or -errno. */
export const GET_USER_PAGES: FunctionRef = behaviour(
  "__get_user_pages",
  [fn("find_extend_vma"), fn("follow_page_mask"), HANDLE_MM_FAULT],
  (k, address = 0, start = 0, count = 0, gup = 0) => {
    const mm = mmAt(k, address);
    if (mm === undefined || mm.space === null) return -EFAULT;
    for (let i = 0; i < count; i++) {
      const at = start + i * PAGE;
      const area = mm.find(at);
      if (area === undefined || area.start > at) return i > 0 ? i : -EFAULT;
      const write = (gup & FOLL_WRITE) !== 0;
      if (write && (area.flags & VM_WRITE) === 0) return i > 0 ? i : -EFAULT;
      const key = at / PAGE;
      if (mm.space.pageAt(key) !== undefined && !(write && mm.space.writeProtected(key))) continue;
      const flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | (write ? FAULT_FLAG_WRITE : 0);
      const result = k.call(HANDLE_MM_FAULT, area.address, at, flags, 0);
      if ((result & VM_FAULT_ERROR) !== 0) {
        return i > 0 ? i : (result & VM_FAULT_OOM) !== 0 ? -ENOMEM : -EFAULT;
      }
    }
    return count;
  },
);

/** The part of a range that lies in one area. */
export const POPULATE_VMA_PAGE_RANGE: FunctionRef = behaviour(
  "populate_vma_page_range",
  [GET_USER_PAGES],
  (k, vma = 0, start = 0, end = 0) => {
    const { mm } = k.current;
    const area = mmAt(k, mm)?.areaAt(vma);
    if (area === undefined) return -ENOMEM;
    // A private mapping that may be written gets its own pages at once.
    const write = (area.flags & (VM_WRITE | VM_SHARED)) === VM_WRITE;
    return k.calls.callN(GET_USER_PAGES, [mm, start, (end - start) / PAGE, write ? FOLL_WRITE : 0, 0, 0, 0]);
  },
);

/** Makes the pages of a range present, area by area: 0 or -errno. */
export const MM_POPULATE: FunctionRef = behaviour(
  "__mm_populate",
  [fn("find_vma"), POPULATE_VMA_PAGE_RANGE],
  (k, start = 0, len = 0, ignoreErrors = 0) => {
    const { mm } = k.current;
    const end = start + len;
    for (let at = start; at < end;) {
      const area = mmAt(k, mm)?.find(at);
      if (area === undefined || area.start >= end) break;
      const to = Math.min(end, area.end);
      if ((area.flags & 7) !== 0) {
        const done = k.call(POPULATE_VMA_PAGE_RANGE, area.address, Math.max(at, area.start), to, Number.NaN);
        if (done < 0 && ignoreErrors === 0) return done;
      }
      at = to;
    }
    return 0;
  },
);

/** For callers that don't go through a function: whether a range is mapped. */
export function covered(k: Kernel, start: number, end: number): boolean {
  const mm = mmAt(k, k.current.mm);
  for (let at = start; at < end;) {
    const area = mm?.find(at);
    if (area === undefined || area.start > at) return false;
    at = area.end;
  }
  return true;
}
