/**
 * Fields of `mm_struct` and `vm_area_struct` that the model reads and writes.
 *
 * @module
 */

import { field } from "../process/objects.ts";

/** `struct mm_struct`. */
export const MM = {
  users: field("mm_struct", "mm_users.counter"),
  count: field("mm_struct", "mm_count.counter"),
  mapCount: field("mm_struct", "map_count"),
  totalVm: field("mm_struct", "total_vm"),
  taskSize: field("mm_struct", "task_size"),
  mmapBase: field("mm_struct", "mmap_base"),
  startBrk: field("mm_struct", "start_brk"),
  brk: field("mm_struct", "brk"),
  startStack: field("mm_struct", "start_stack"),
  argStart: field("mm_struct", "arg_start"),
  argEnd: field("mm_struct", "arg_end"),
  envStart: field("mm_struct", "env_start"),
  envEnd: field("mm_struct", "env_end"),
  startCode: field("mm_struct", "start_code"),
  endCode: field("mm_struct", "end_code"),
  exeFile: field("mm_struct", "exe_file"),
  owner: field("mm_struct", "owner"),
} as const;

/** `struct vm_area_struct`. */
export const VMA = {
  start: field("vm_area_struct", "vm_start"),
  end: field("vm_area_struct", "vm_end"),
  mm: field("vm_area_struct", "vm_mm"),
  flags: field("vm_area_struct", "vm_flags"),
  pgoff: field("vm_area_struct", "vm_pgoff"),
  file: field("vm_area_struct", "vm_file"),
} as const;

/** `vm_flags` of a protection and of mappings in general. */
export const VM_READ = 1;
/** May be written. */
export const VM_WRITE = 2;
/** May be executed. */
export const VM_EXEC = 4;
/** Shared with others. */
export const VM_SHARED = 8;
/** `mprotect` may allow reading, writing, executing. */
export const VM_MAY = 0x70;
/** Grows downwards: the stack. */
export const VM_GROWSDOWN = 0x100;
/** Counts as memory that will be used. */
export const VM_ACCOUNT = 0x100000;
