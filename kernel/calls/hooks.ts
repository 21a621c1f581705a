/**
 * The seam between the call engine and the probe machinery: what is armed on one function. The engine knows no
 * probes, the probe machinery no call trees.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import type { Task } from "../process/task.ts";
import type { KernelFunction } from "./kernel_function.ts";

/** What is armed on one function. Set on `KernelFunction.hooks` while anything is, null otherwise. */
export interface FunctionHooks {
  /**
   * Control reached the first instruction. `regs` and the stack hold the arguments and the return address.
   * Returns true where a return was hooked: the engine then calls `KprobeTable.trampoline(regs)` when the body is done.
   * What handlers did to `ip` is read back from `regs.resumption`, changed arguments from the registers.
   */
  entry(regs: PtRegs): boolean;
  /** Armed offsets other than 0, ascending; empty for most functions. */
  readonly offsets: readonly number[];
  /** Control reached the instruction at one of `offsets`; where it goes on then, `regs.resumption` says. */
  at(offset: number, regs: PtRegs): void;
}

/** A tracer of calls, as ftrace's. It sees no registers, which makes it cheap. Set on `KernelFunction.tracer`. */
export interface FunctionTracer {
  /**
   * Whether it is told of a call before what is armed at the function's first instruction: ftrace's sites are at that
   * instruction on x86, behind it on arm64.
   */
  readonly first: boolean;
  /** Whether it looks at results: of calls in recorded trees nobody else may. */
  readonly results?: boolean;
  /** Where calls of which it waits for the return go back to, as what is armed after it finds them; 0: it changes nothing. */
  readonly returnTo?: Addr;
  /** `fn` is called and will return to `returnAddress`. True: `leave` is to be called when it returns. */
  enter(fn: KernelFunction, task: Task, returnAddress: Addr): boolean;
  /** A call that `enter` wanted to know about returns `result` (NaN: unknown). Not called for calls that never return. */
  leave(fn: KernelFunction, task: Task, result: number): void;
}
