/**
 * Arguments of recorded calls that no rule gives, but the kernel's source does: asked only where somebody watches the callee.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import type { Frame } from "./frame.ts";

/** Tells an argument from the caller, the callee and how many calls of it the caller made before. NaN: not known. */
export type ArgumentSupply = (k: Kernel, caller: Frame, nth: number) => number;

const supplies = new Map<string, { readonly index: number; readonly supply: ArgumentSupply }>();

/** Says where an argument of a function comes from, if nothing else does. */
export function supplyArgument(callee: string, index: number, supply: ArgumentSupply): void {
  supplies.set(callee, { index, supply });
}

/** Fills in what is known of the arguments of a call that `caller` makes. */
export function supplyArguments(k: Kernel, caller: Frame, called: Frame): void {
  const found = supplies.get(called.fn.base);
  if (found === undefined) return;
  const before = called.words[found.index] as number;
  if (before === before && called.nargs > found.index) return;
  let nth = 0;
  for (let i = 0; i < caller.noted; i++) if (caller.callees[i] === called.fn.shape) nth++;
  called.words[found.index] = found.supply(k, caller, nth);
  if (called.nargs <= found.index) called.nargs = found.index + 1;
}
