/**
 * The machine's memory: a node with one zone that everything comes from, its watermarks and counters.
 *
 * Made when the first page is asked of the page allocator. A machine has 2 GiB (i386: 768 MiB, all of it low memory);
 * `limitMemory` makes it smaller, as booting with `mem=` does.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { field, sizeIfKnown, symbolAddress } from "../process/objects.ts";
import { pfnOf } from "./page_struct.ts";

const ZONE = {
  watermark: field("zone", "_watermark"),
  pgdat: field("zone", "zone_pgdat"),
  startPfn: field("zone", "zone_start_pfn"),
  managed: field("zone", "managed_pages.counter"),
  spanned: field("zone", "spanned_pages"),
  present: field("zone", "present_pages"),
  name: field("zone", "name"),
  vmStat: field("zone", "vm_stat"),
} as const;
const NODE = {
  zones: field("pglist_data", "node_zones"),
  nrZones: field("pglist_data", "nr_zones"),
  startPfn: field("pglist_data", "node_start_pfn"),
  presentPages: field("pglist_data", "node_present_pages"),
  spannedPages: field("pglist_data", "node_spanned_pages"),
  kswapd: field("pglist_data", "kswapd"),
} as const;

const DEFAULT_PAGES = { x86_64: 0x80000, arm64: 0x80000, i386: 0x30000 } as const;
/** Index and name of the zone, and the base of its kind in the node. */
const ZONES = {
  x86_64: { index: 1, name: "DMA32" },
  arm64: { index: 0, name: "DMA" },
  i386: { index: 1, name: "Normal" },
} as const;

/** Where the node lies, from the start of the direct map: in memory that booting took. */
const NODE_PLACE = 0x400000;

/** Page counts of the machine's one node. */
export class Zone {
  /** Pages that the allocator manages. */
  managed: number;
  /** Below this only those who must not wait get pages; the others reclaim by themselves. */
  min = 0;
  /** Below this kswapd wakes. */
  low = 0;
  /** At this it sleeps again. */
  high = 0;
  /** Address of the `struct zone`. */
  readonly address: Addr;
  /** Address of the `pglist_data`. */
  readonly node: Addr;
  /** What `__alloc_pages` and friends are told about it: `zone->name`. */
  readonly name: string;
  readonly #k: Kernel;

  constructor(k: Kernel) {
    this.#k = k;
    this.managed = DEFAULT_PAGES[k.image.arch];
    const { index, name } = ZONES[k.image.arch];
    this.name = name;
    const size = sizeIfKnown(k, "pglist_data");
    this.node = size === 0 ? 0 : k.arch.layout.directMap + NODE_PLACE;
    this.address = this.node === 0 ? 0 : NODE.zones.at(k, this.node) + index * sizeIfKnown(k, "zone");
    if (this.node !== 0) {
      NODE.nrZones.set(k, this.node, index + 1);
      NODE.startPfn.set(k, this.node, pfnOf(k, k.arch.layout.directMap));
      ZONE.pgdat.set(k, this.address, this.node);
      ZONE.startPfn.set(k, this.address, pfnOf(k, k.arch.layout.directMap));
      const text = this.node + Math.ceil(size / 64) * 64;
      k.memory.writeString(text, name);
      ZONE.name.set(k, this.address, text);
      const table = symbolAddress(k, "node_data");
      if (table !== 0) k.memory.writeWord(table, this.node);
    }
    this.#measure();
  }

  /** Pages that nobody has. */
  get free(): number {
    return Math.max(0, this.managed - this.#k.slab.frames.inUse);
  }

  /** Makes the machine smaller: `pages` in all, what is in use included. */
  limit(pages: number): void {
    this.managed = pages;
    this.#measure();
  }

  /** Writes the counters that probes read: `zone->vm_stat[NR_FREE_PAGES]`. */
  publish(): void {
    if (this.address !== 0) this.#k.memory.writeWord(ZONE.vmStat.at(this.#k, this.address), this.free);
  }

  /** `__setup_per_zone_wmarks`: from the square root of the memory. */
  #measure(): void {
    const k = this.#k;
    const kbytes = Math.min(262144, Math.max(128, Math.floor(Math.sqrt(this.managed * 4 * 16))));
    this.min = Math.floor(kbytes / 4);
    const step = Math.max(this.min >> 2, Math.floor(this.managed / 1000));
    this.low = this.min + step;
    this.high = this.min + 2 * step;
    const total = symbolAddress(k, "_totalram_pages");
    if (total !== 0) k.memory.writeWord(total, this.managed);
    if (this.address === 0) return;
    const word = k.image.pointerSize;
    [this.min, this.low, this.high].forEach((pages, i) =>
      k.memory.writeWord(ZONE.watermark.at(k, this.address) + i * word, pages)
    );
    for (const pages of [ZONE.managed, ZONE.spanned, ZONE.present]) pages.set(k, this.address, this.managed);
    for (const pages of [NODE.presentPages, NODE.spannedPages]) pages.set(k, this.node, this.managed);
    this.publish();
  }
}

const zones = new WeakMap<Kernel, Zone>();

/** The machine's zone. */
export function zoneOf(k: Kernel): Zone {
  let zone = zones.get(k);
  if (zone === undefined) zones.set(k, zone = new Zone(k));
  return zone;
}

/** Gives the machine `pages` pages of memory in all, as booting with `mem=` does. */
export function limitMemory(k: Kernel, pages: number): void {
  zoneOf(k).limit(pages);
}
