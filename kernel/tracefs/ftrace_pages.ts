/**
 * How ftrace keeps its records of traceable places: in groups of pages, a power of two each, in the order of addresses.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";

const PAGE_SIZE = 4096;

/**
 * Places that the recorded builds have when they boot, init text included, by release. Another build has what its symbols
 * say; where they don't, the log says nothing, and what it holds later is counted from its functions.
 */
const BOOTED_WITH: ReadonlyMap<string, number> = new Map(Object.entries<number>({
  "6.1.0-56-amd64": 40521,
  "6.1.0-56-arm64": 44279,
  "6.1.0-50-686-pae": 37115,
}));

/** What ftrace holds. */
interface FtracePages {
  /** Records. */
  readonly records: number;
  readonly pages: number;
  readonly groups: number;
}

/** What it holds when a build has booted; null where nobody knows how many places that build has. */
function bootPages(image: KernelImage): FtracePages | null {
  const records = bootRecords(image);
  return records === null ? null : allocated(image, records, records);
}

/** What it holds once the places in init text have gone, and with them each group that had no others. */
function ftracePages(image: KernelImage): FtracePages {
  const records = image.filterFunctions().length;
  return allocated(image, Math.max(bootRecords(image) ?? 0, records), records);
}

/** Pages for `room` records, of which the groups count that hold the first `records`. */
function allocated(image: KernelImage, room: number, records: number): FtracePages {
  // struct dyn_ftrace: an address and flags.
  const perPage = PAGE_SIZE / (2 * image.pointerSize);
  let left = Math.ceil(room / perPage);
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

function bootRecords(image: KernelImage): number | null {
  const start = image.symbol("__start_mcount_loc")?.address;
  const stop = image.symbol("__stop_mcount_loc")?.address;
  if (start !== undefined && stop !== undefined) return (stop - start) / image.pointerSize;
  return BOOTED_WITH.get(image.release) ?? null;
}

/** What the log says of it when booting. */
export function bootLines(image: KernelImage): readonly string[] {
  const held = bootPages(image);
  if (held === null) return [];
  const { records, pages, groups } = held;
  return [
    `ftrace: allocating ${records} entries in ${pages} pages`,
    `ftrace: allocated ${pages} pages with ${groups} groups`,
  ];
}

/** `dyn_ftrace_total_info`. */
export function ftracePagesText(image: KernelImage): string {
  const { records, pages, groups } = ftracePages(image);
  return `${records} pages:${pages} groups: ${groups}\n`;
}
