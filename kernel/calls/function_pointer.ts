/**
 * Functions that objects in memory point to: wake functions, timers' functions, poll's queueing functions.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import type { FunctionRef } from "./function.ts";

interface Pointers {
  readonly address: Map<FunctionRef, Addr>;
  readonly ref: Map<Addr, FunctionRef>;
}

const known = new WeakMap<Kernel, Pointers>();

/**
 * The address that stands for a function in memory. A function that the image does not list gets a small number that no
 * function has.
 */
export function functionPointer(k: Kernel, ref: FunctionRef): Addr {
  const { address, ref: back } = pointersOf(k);
  let found = address.get(ref);
  if (found === undefined) {
    const symbol = k.calls.functions.symbolOf(ref.name) ?? ref.name;
    found = k.image.symbol(symbol)?.address ?? ref.index + 1;
    address.set(ref, found);
    back.set(found, ref);
  }
  return found;
}

/** The function that a word in memory points to, if `functionPointer` gave it out before. */
export function functionAt(k: Kernel, address: Addr): FunctionRef | undefined {
  return pointersOf(k).ref.get(address);
}

function pointersOf(k: Kernel): Pointers {
  let pointers = known.get(k);
  if (pointers === undefined) known.set(k, pointers = { address: new Map(), ref: new Map() });
  return pointers;
}
