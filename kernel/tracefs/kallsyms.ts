/**
 * `/proc/kallsyms`.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import { addressHex } from "../../image/address.ts";

/** An address as `%px` prints it: all digits, without `0x`; zeros where addresses are hidden. */
export function addressText(image: KernelImage, address: number, hidden: boolean): string {
  const digits = 2 * image.pointerSize;
  return hidden ? "0".repeat(digits) : addressHex(image.arch, address).slice(2).padStart(digits, "0");
}

/** The file's text. An image may know of more modules than those that are `loaded`. */
export function kallsymsText(
  image: KernelImage,
  hidden: boolean,
  loaded: (module: string) => boolean = () => false,
): string {
  const lines: string[] = [];
  for (const { name, address, letter, module } of image.symbols()) {
    if (module !== undefined && !loaded(module)) continue;
    const owner = module === undefined ? "" : `\t[${module}]`;
    lines.push(`${addressText(image, address, hidden)} ${letter} ${name}${owner}\n`);
  }
  return lines.join("");
}
