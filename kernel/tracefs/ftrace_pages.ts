/**
 * How ftrace keeps its records of traceable places: in groups of pages, a power of two each, in the order of addresses.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";

const PAGE_SIZE = 4096;

/** Places that builds had when they booted, by release, where kallsyms doesn't tell. */
const BOOTED_WITH: Readonly<Record<string, number>> = {
  "6.1.0-56-arm64": 44279,
  "6.1.0-50-686-pae": 37115,
};

/** What ftrace holds. */
export interface FtracePages {
  /** Records. */
  readonly records: number;
  readonly pages: number;
  readonly groups: number;
}

/** What it holds once the places in init text have gone, and with them each group that had no others. */
export function ftracePages(image: KernelImage): FtracePages {
  const records = image.filterFunctions().length;
  // struct dyn_ftrace: an address and flags.
  const perPage = PAGE_SIZE / (2 * image.pointerSize);
  let left = Math.ceil(bootRecords(image, records) / perPage);
  let pages = 0;
  let groups = 0;
  while (left > 0 && pages * perPage < records) {
    const group = 2 ** Math.floor(Math.log2(left));
    pages += group;
    groups++;
    left -= group;
  }
  return { records, pages, groups };
}

function bootRecords(image: KernelImage, records: number): number {
  const start = image.symbol("__start_mcount_loc")?.address;
  const stop = image.symbol("__stop_mcount_loc")?.address;
  const listed = start === undefined || stop === undefined ? undefined : (stop - start) / image.pointerSize;
  return Math.max(listed ?? BOOTED_WITH[image.release] ?? records, records);
}

/** `dyn_ftrace_total_info`. */
export function ftracePagesText(image: KernelImage): string {
  const { records, pages, groups } = ftracePages(image);
  return `${records} pages:${pages} groups: ${groups}\n`;
}
