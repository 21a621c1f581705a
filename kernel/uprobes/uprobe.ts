/**
 * uprobes: breakpoints in the text of user programs, named by file and offset.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";

/** Who is told when control reaches a uprobe, or the function it stands at returns: `struct uprobe_consumer`. */
export interface UprobeConsumer {
  /** Control reached the instruction; `regs` are the user registers. */
  readonly handler?: (regs: PtRegs) => void;
  /** The function returns: `regs` hold the result, `entry` is the function's address. */
  readonly retHandler?: (regs: PtRegs, entry: Addr) => void;
  /** Returns that were not followed, since too many were under way. The kernel counts here. */
  nmissed: number;
}

/** A place in a file, and who is told. */
export interface Uprobe {
  /** Address of the file's `struct inode`. */
  readonly inode: Addr;
  /** Offset of the instruction in the file. */
  readonly offset: number;
  readonly consumers: UprobeConsumer[];
}

/** A call whose return is followed: `struct return_instance`. */
export interface ReturnInstance {
  readonly uprobe: Uprobe;
  /** Address of the function. */
  readonly entry: Addr;
  /** Where it really returns to. */
  readonly origin: Addr;
}

/** Most returns of one task that are followed at a time (`MAX_URETPROBE_DEPTH`). */
export const MAX_URETPROBE_DEPTH = 64;
