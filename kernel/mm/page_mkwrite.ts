/**
 * A page of a file is about to be written through a shared mapping: `do_page_mkwrite`, `fault_dirty_shared_page`.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import { FILE_UPDATE_TIME } from "../fs/inode_times.ts";
import type { Kernel } from "../kernel.ts";
import { VM_FAULT_LOCKED, VM_FAULT_SIGBUS } from "./fault_flags.ts";
import { VMA } from "./fields.ts";
import { VMF } from "./vm_fault.ts";

/** `vm_ops->page_mkwrite` of an area's file; undefined where files need none. */
function mkwriteOf(k: Kernel, vmf: number): FunctionRef | undefined {
  const inode = k.vfs.files.get(VMA.file.get(k, VMF.vma.get(k, vmf)))?.inode;
  return inode ? k.vfs.typeOf(inode)?.pageMkwrite : undefined;
}

/** Asks the file system whether a page may be written: `VM_FAULT_*` bits. */
export const DO_PAGE_MKWRITE: FunctionRef = behaviour(
  "do_page_mkwrite",
  // What it calls is no part of whoever touches memory.
  [],
  (k, vmf = 0) => {
    const operation = mkwriteOf(k, vmf);
    if (operation === undefined) return VM_FAULT_LOCKED;
    return k.call(operation, vmf) < 0 ? VM_FAULT_SIGBUS : VM_FAULT_LOCKED;
  },
);

/** A shared page is dirty: when it was written is noted, unless the file system did that. */
export const FAULT_DIRTY_SHARED_PAGE: FunctionRef = behaviour(
  "fault_dirty_shared_page",
  [FILE_UPDATE_TIME],
  (k, vmf = 0) => {
    if (mkwriteOf(k, vmf) === undefined) {
      k.call(FILE_UPDATE_TIME, VMA.file.get(k, VMF.vma.get(k, vmf)));
    }
    return 0;
  },
);
