/**
 * Giving address spaces back: `mmput`, `exit_mmap`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { FPUT } from "../fs/fdtable.ts";
import { MM } from "./fields.ts";
import { mmAt } from "./mm_struct.ts";
import { REMOVE_VMA, VM_AREA_FREE } from "./munmap.ts";
import { FREE_PGTABLES, GATHER_CALLS, UNMAP_VMAS, withAreas, withGather } from "./zap.ts";

/** Unmaps everything: pages go back, mapped files lose their references. */
export const EXIT_MMAP: FunctionRef = behaviour(
  "exit_mmap",
  [
    ...GATHER_CALLS,
    fn("tlb_gather_mmu_fullmm"),
    UNMAP_VMAS,
    FREE_PGTABLES,
    REMOVE_VMA,
    fn("vma_close"),
    FPUT,
    VM_AREA_FREE,
  ],
  (k, address = 0) => {
    const mm = mmAt(k, address);
    const [first] = mm?.areas ?? [];
    if (mm === undefined || first === undefined) return Number.NaN;
    k.call(fn("lru_add_drain"));
    withGather(k, address, "tlb_gather_mmu_fullmm", (tlb) => {
      const mt = MM.mtRoot.at(k, address) - k.image.pointerSize;
      withAreas(k, mm.areas.map((area) => area.address), () => {
        k.call(UNMAP_VMAS, tlb, mt, first.address, 0, -1);
        k.call(FREE_PGTABLES, tlb, mt, first.address, 0, 0);
      });
    });
    mm.together(() => {
      for (const area of [...mm.areas]) k.call(REMOVE_VMA, area.address);
    });
    return Number.NaN;
  },
);

/** Drops a use of an address space; the last one unmaps everything. The count itself is the caller's. */
export const MMPUT: FunctionRef = behaviour("mmput", [EXIT_MMAP, FPUT], (k, address = 0) => {
  if (MM.users.get(k, address) > 1) return Number.NaN;
  k.call(EXIT_MMAP, address);
  const exe = MM.exeFile.get(k, address);
  MM.exeFile.set(k, address, 0);
  if (exe !== 0) k.call(FPUT, exe);
  return Number.NaN;
});
