/**
 * `/proc/kallsyms`.
 *
 * @module
 */

import type { KernelImage, SymbolInfo } from "../../image/model.ts";
import { addressHex } from "../../image/address.ts";

/** An address as `%px` prints it: all digits, without `0x`; zeros where addresses are hidden. */
export function addressText(image: KernelImage, address: number, hidden: boolean): string {
  const digits = 2 * image.pointerSize;
  return hidden ? "0".repeat(digits) : addressHex(image.arch, address).slice(2).padStart(digits, "0");
}

/** The file's text. `modules` are the symbols of the modules that are loaded: an image may know more of them. */
export function kallsymsText(
  image: KernelImage,
  hidden: boolean,
  modules: Iterable<SymbolInfo> = [],
): string {
  const lines: string[] = [];
  for (const symbols of [image.symbols(), modules]) {
    for (const { name, address, letter, module } of symbols) {
      if (module !== undefined && symbols !== modules) continue;
      const owner = module === undefined ? "" : `\t[${module}]`;
      lines.push(`${addressText(image, address, hidden)} ${letter} ${name}${owner}\n`);
    }
  }
  return lines.join("");
}
