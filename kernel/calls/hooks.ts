/**
 * The seam between the call engine and the probe machinery: what is armed on one function. The engine knows no
 * probes, the probe machinery no call trees.
 *
 * @module
 */

import type { PtRegs } from "../arch/pt_regs.ts";

/** What is armed on one function. Set on `KernelFunction.hooks` while anything is, null otherwise. */
export interface FunctionHooks {
  /**
   * Control reached the first instruction. `regs` and the stack hold the arguments and the return address.
   * Returns true where a return was hooked: the engine then calls `KprobeTable.trampoline(regs)` when the body is done.
   * `ip` changes and "skip the function" results are read back from `regs` by the engine (`regs.skipTo`).
   */
  entry(regs: PtRegs): boolean;
  /** Armed offsets other than 0, ascending; empty for most functions. */
  readonly offsets: readonly number[];
  /** Control reached the instruction at one of `offsets`. */
  at(offset: number, regs: PtRegs): void;
}
