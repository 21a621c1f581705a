/**
 * How the kernel's half of the address space is cut up, and which parts of it are mapped.
 *
 * @module
 */

import type { Addr, KernelImage } from "../../image/model.ts";
import type { ArchModel } from "../arch/model.ts";
import { PAGE_SIZE } from "./page.ts";

/** A range of kernel addresses. */
export interface Region {
  /** `direct map`, `vmalloc`, `kernel text`, `kernel data`, `modules`, `fixmap`, `vmemmap`. */
  readonly name: string;
  readonly start: Addr;
  /** Exclusive. */
  readonly end: Addr;
  /**
   * `all`: every page can be read, and appears when touched. `areas`: only what was mapped.
   * `text`: read-only, made from the image.
   */
  readonly mapped: "all" | "areas" | "text";
}

/** Bytes of text where the image does not say where it ends (`_etext`); looking for the last function takes too long. */
const TEXT_SIZE = 0x1000000;
/** Bytes after the last known text symbol that count as the kernel's data where the image has no data symbols. */
const DATA_SIZE = 0x2000000;
/** `struct page`. */
const PAGE_STRUCT = 64;

/** The regions of a kernel, in order of address; where two overlap, the first in this list decides. */
export function kernelRegions(image: KernelImage, arch: ArchModel): readonly Region[] {
  const { layout } = arch;
  const text = image.symbol("_stext")?.address ?? image.symbol("_text")?.address ?? lowestText(image);
  const textEnd = pageUp(image.symbol("_etext")?.address ?? text + TEXT_SIZE);
  const dataEnd = pageUp(image.symbol("_end")?.address ?? textEnd + DATA_SIZE);
  const regions: Region[] = [
    { name: "kernel text", start: pageDown(text), end: textEnd, mapped: "text" },
    { name: "kernel data", start: textEnd, end: dataEnd, mapped: "all" },
    { name: "modules", start: layout.modules, end: layout.modulesEnd, mapped: "areas" },
    { name: "vmalloc", start: layout.vmalloc, end: layout.vmallocEnd, mapped: "areas" },
    { name: "fixmap", start: layout.fixmap, end: layout.fixmapEnd, mapped: "areas" },
    {
      name: "direct map",
      start: layout.directMap,
      end: layout.directMap + layout.directMapSize,
      mapped: "all",
    },
    {
      name: "vmemmap",
      start: layout.vmemmap,
      end: layout.vmemmap + layout.directMapSize / PAGE_SIZE * PAGE_STRUCT,
      mapped: "all",
    },
  ];
  return regions;
}

function lowestText(image: KernelImage): Addr {
  const first = image.functions()[0];
  return first === undefined ? 0 : image.func(first)?.address ?? 0;
}

/** The start of the page that holds an address. */
export function pageDown(address: Addr): Addr {
  return Math.floor(address / PAGE_SIZE) * PAGE_SIZE;
}

/** The first page start at or after an address. */
export function pageUp(address: Addr): Addr {
  return Math.ceil(address / PAGE_SIZE) * PAGE_SIZE;
}
