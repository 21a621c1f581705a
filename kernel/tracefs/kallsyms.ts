/**
 * `/proc/kallsyms`.
 *
 * @module
 */

import type { Addr, KernelImage } from "../../image/model.ts";
import { addressDigits, addressText } from "../../image/address.ts";

/** An address as `%px` prints it: all digits, without `0x`; zeros where addresses are hidden. */
export function shownAddress({ arch }: KernelImage, address: Addr, hidden: boolean): string {
  return hidden ? "0".repeat(addressDigits(arch)) : addressText(arch, address);
}

/** The file's text. An image may know of more modules than those that are `loaded`; `named` gives a symbol's name. */
export function kallsymsText(
  image: KernelImage,
  hidden: boolean,
  loaded: (module: string) => boolean = () => false,
  named: (symbol: string) => string = (symbol) => symbol,
): string {
  const lines: string[] = [];
  for (const { name, address, letter, module } of image.symbols()) {
    if (module !== undefined && !loaded(module)) continue;
    const owner = module === undefined ? "" : `\t[${module}]`;
    lines.push(`${shownAddress(image, address, hidden)} ${letter} ${named(name)}${owner}\n`);
  }
  return lines.join("");
}
