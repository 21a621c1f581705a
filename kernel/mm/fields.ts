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
  startData: field("mm_struct", "start_data"),
  endData: field("mm_struct", "end_data"),
  dataVm: field("mm_struct", "data_vm"),
  execVm: field("mm_struct", "exec_vm"),
  stackVm: field("mm_struct", "stack_vm"),
  lockedVm: field("mm_struct", "locked_vm"),
  hiwaterRss: field("mm_struct", "hiwater_rss"),
  hiwaterVm: field("mm_struct", "hiwater_vm"),
  pgtablesBytes: field("mm_struct", "pgtables_bytes.counter"),
  defFlags: field("mm_struct", "def_flags"),
  mtRoot: field("mm_struct", "mm_mt.ma_root"),
  mtFlags: field("mm_struct", "mm_mt.ma_flags"),
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
  anonVma: field("vm_area_struct", "anon_vma"),
  ops: field("vm_area_struct", "vm_ops"),
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
/** Shared mappings: may be shared. */
export const VM_MAYSHARE = 0x80;
/** `mprotect` may allow writing. */
export const VM_MAYWRITE = 0x20;
/** `mprotect` may allow execution. */
export const VM_MAYEXEC = 0x40;
/** Huge pages. */
export const VM_HUGETLB = 0x400000;
/** Its pages were written since somebody last asked: x86_64 keeps track of that. */
export const VM_SOFTDIRTY = 0x8000000;
/** Mapped by page frames and pages mixed. */
export const VM_MIXEDMAP = 0x10000000;
/** Never merged. */
export const VM_SPECIAL = 0x10044400;
/** Stays in memory. */
export const VM_LOCKED = 0x2000;
/** Becomes locked as it is touched. */
export const VM_LOCKONFAULT = 0x80000;
/** Will be read in order. */
export const VM_SEQ_READ = 0x8000;
/** Will be read anywhere. */
export const VM_RAND_READ = 0x10000;
/** Not copied by fork. */
export const VM_DONTCOPY = 0x20000;
/** May not grow by `mremap`. */
export const VM_DONTEXPAND = 0x40000;
/** Not counted against overcommit limits. */
export const VM_NORESERVE = 0x200000;
/** Empty in a forked child. */
export const VM_WIPEONFORK = 0x2000000;
/** Left out of core dumps. */
export const VM_DONTDUMP = 0x4000000;
/** Backed by transparent huge pages if possible. */
export const VM_HUGEPAGE = 0x20000000;
/** Never backed by them. */
export const VM_NOHUGEPAGE = 0x40000000;
/** Device memory, or page frames without `struct page`. */
export const VM_PFNMAP = 0x400;
/** Memory-mapped device registers. */
export const VM_IO = 0x4000;
/** May be merged with equal pages. */
export const VM_MERGEABLE = 0x80000000;
