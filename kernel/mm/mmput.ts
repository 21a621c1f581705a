/**
 * Giving address spaces back: `mmput`, `exit_mmap`.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import { FPUT } from "../fs/fdtable.ts";
import { MM } from "./fields.ts";
import { mmAt } from "./mm_struct.ts";

/** Unmaps everything; mapped files lose their references. */
export const EXIT_MMAP: FunctionRef = behaviour("exit_mmap", [FPUT], (k, address = 0) => {
  const mm = mmAt(k, address);
  if (mm === undefined) return Number.NaN;
  for (const area of [...mm.areas]) {
    mm.remove(area);
    if (area.file !== 0) k.call(FPUT, area.file);
  }
  return Number.NaN;
});

/** Drops a use of an address space; the last one unmaps everything. The count itself is the caller's. */
export const MMPUT: FunctionRef = behaviour("mmput", [EXIT_MMAP, FPUT], (k, address = 0) => {
  if (MM.users.get(k, address) > 1) return Number.NaN;
  k.call(EXIT_MMAP, address);
  const exe = MM.exeFile.get(k, address);
  MM.exeFile.set(k, address, 0);
  if (exe !== 0) k.call(FPUT, exe);
  return Number.NaN;
});
