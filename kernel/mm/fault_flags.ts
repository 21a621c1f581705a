/**
 * What a page fault is told and what it answers: `FAULT_FLAG_*` and `VM_FAULT_*` of 6.1.
 *
 * @module
 */

/** The access was a write. */
export const FAULT_FLAG_WRITE = 1;
/** The lock may be dropped for waiting. */
export const FAULT_FLAG_ALLOW_RETRY = 4;
/** A fatal signal may end the wait. */
export const FAULT_FLAG_KILLABLE = 0x10;
/** It came from user mode. */
export const FAULT_FLAG_USER = 0x40;
/** For another task's memory. */
export const FAULT_FLAG_REMOTE = 0x80;
/** It fetched an instruction. */
export const FAULT_FLAG_INSTRUCTION = 0x100;
/** Signals may end the wait. */
export const FAULT_FLAG_INTERRUPTIBLE = 0x200;
/** What every fault of an access has. */
export const FAULT_FLAG_DEFAULT = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | FAULT_FLAG_INTERRUPTIBLE;

/** No memory. */
export const VM_FAULT_OOM = 1;
/** Nothing there. */
export const VM_FAULT_SIGBUS = 2;
/** It had to read from a disk. */
export const VM_FAULT_MAJOR = 4;
/** A copy was made, or writing allowed. */
export const VM_FAULT_WRITE = 8;
/** Bad address. */
export const VM_FAULT_SIGSEGV = 0x40;
/** The page is mapped already. */
export const VM_FAULT_NOPAGE = 0x100;
/** The page is locked. */
export const VM_FAULT_LOCKED = 0x200;
/** The answer has a page of the page cache that was copied. */
export const VM_FAULT_DONE_COW = 0x1000;
/** What ends an access with a signal. */
export const VM_FAULT_ERROR = VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV;
