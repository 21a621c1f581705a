/**
 * A task: its `task_struct` lives in simulated memory; this object holds what the model itself needs at hand.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { KretprobeInstance } from "../kprobes/kretprobe.ts";
import type { UserSpace } from "../memory/user_space.ts";
import type { Frame } from "../calls/frame.ts";

/** One task. Fields that a probe can read through memory (`comm`, `pid`, cred) are kept in step by their setters. */
export interface Task {
  /** Address of its `task_struct`. */
  readonly address: Addr;
  readonly pid: number;
  readonly tgid: number;
  comm: string;
  uid: number;
  gid: number;
  cpu: number;
  /** User memory; null for kernel threads. */
  userSpace: UserSpace | null;
  /** Lowest address of the kernel stack; the user `pt_regs` sit at its top. */
  readonly stackBase: Addr;
  /** Address of the user `pt_regs` on that stack. */
  readonly userRegs: Addr;
  /** Live call frames, outermost first; `depth` of them are in use (the array is a pool). */
  readonly frames: Frame[];
  depth: number;
  /** Pending kretprobe instances, newest first (linked through `next`). */
  instances: KretprobeInstance | null;
  /** System calls made so far: part of the key of random choices. */
  syscalls: number;
  /** Number of the system call it is in, or -1. */
  syscallNumber: number;
}
