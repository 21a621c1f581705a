/**
 * The trampoline by which x86_64 calls a callback of its own at a function's ftrace site: a copy of `ftrace_regs_caller`.
 *
 * @module
 */

import type { Addr, KernelImage } from "../../image/model.ts";
import type { AddressLayout } from "../arch/model.ts";
import { CALL_SIZE } from "../memory/text_bytes.ts";

/** Bytes of module space in front of the first trampoline: what other parts of the kernel allocated before it. */
const FIRST_TRAMPOLINE = 0x201000;

/** From `ftrace_regs_caller` to its call of the callback, where an image doesn't tell: 6.1's. */
const REGS_CALL = 0xc3;

/** Where the trampoline of the first callback lies. */
export function ftraceTrampoline(layout: AddressLayout): Addr {
  return layout.modules + FIRST_TRAMPOLINE;
}

/** Where a callback returns to: behind the call in the trampoline. No symbol is there. */
export function ftraceTrampolineReturn(image: KernelImage, layout: AddressLayout): Addr {
  const caller = image.symbol("ftrace_regs_caller")?.address;
  const call = image.symbol("ftrace_regs_call")?.address;
  const offset = caller === undefined || call === undefined ? REGS_CALL : call - caller;
  return ftraceTrampoline(layout) + offset + CALL_SIZE;
}
