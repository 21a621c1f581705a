/**
 * Which addresses kallsyms can name.
 *
 * @module
 */

import type { Addr, KernelImage } from "../../image/model.ts";

/**
 * `is_ksym_addr`: in the kernel, text and data, where kallsyms has all symbols; in its text alone where it has only those;
 * in a module.
 */
export function isKsymAddr(image: KernelImage, address: Addr): boolean {
  if (image.symbolAt(address)?.symbol.module !== undefined) return true;
  if (image.symbol("_end") !== undefined) return between(image, address, "_stext", "_end");
  return between(image, address, "_stext", "_etext") || between(image, address, "_sinittext", "_einittext");
}

function between(image: KernelImage, address: Addr, start: string, end: string): boolean {
  const from = image.symbol(start)?.address;
  const to = image.symbol(end)?.address;
  return (from === undefined || address >= from) && (to === undefined || address < to);
}
