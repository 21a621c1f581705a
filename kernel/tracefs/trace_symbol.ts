/**
 * Addresses as traces show them.
 *
 * @module
 */

import { addressText } from "../../image/address.ts";
import type { Addr } from "../../image/model.ts";
import type { TraceArray } from "./trace_array.ts";
import { sprintSymbol, sprintSymbolNoOffset } from "../printk/symbol_text.ts";

/** A function's name as `%ps` prints it: with its module. */
export function functionName(array: TraceArray, address: Addr): string {
  const found = array.host.image.symbolAt(address);
  return found === undefined ? array.host.image.describe(address) : sprintSymbolNoOffset(found.symbol);
}

/** `seq_print_ip_sym`: the symbol's name, with `sym-offset` and `sym-addr` more of it. */
export function symbolText(array: TraceArray, address: Addr): string {
  const { options, host: { image } } = array;
  if (address === 0) return "0";
  const value = options.has("sym-addr") ? ` <${addressText(image.arch, address)}>` : "";
  const found = image.symbolAt(address);
  if (found === undefined) return image.describe(address) + value;
  return (options.has("sym-offset") ? sprintSymbol(found) : found.symbol.name) + value;
}
