/**
 * Address spaces: `mm_struct` with its areas, in memory, and what the model keeps beside them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { FILE } from "../fs/fields.ts";
import { freeObject, newObject } from "../process/alloc.ts";
import type { UserSpace } from "../memory/user_space.ts";
import { symbolAddress } from "../process/objects.ts";
import { cloneAnonVma, forkAnonVma, unlinkAnonVmas } from "./anon_vma.ts";
import { MM, VM_DONTCOPY, VM_EXEC, VM_GROWSDOWN, VM_LOCKED, VM_SHARED, VM_WRITE, VMA } from "./fields.ts";
import type { SharedMemory } from "./shared_memory.ts";
import { MapleTree } from "./maple_tree.ts";
import { allocTables, freeTables } from "./page_tables.ts";
import { addMmCounter, counterOf, MM_SWAPENTS, mmCounter, syncRss } from "./rss.ts";
import { freeSlot } from "./swap_space.ts";
import { dropSwap, putOnSwapCopy } from "./swap_table.ts";

/** Bytes of a page. */
export const PAGE = 4096;

/** One mapping; its bounds and flags are in the `vm_area_struct` at `address`. */
export interface Vma {
  readonly address: Addr;
  start: Addr;
  end: Addr;
  flags: number;
  /** The mapped `struct file`, or 0. */
  readonly file: Addr;
  /** Offset of `start` in the file, in pages. */
  pgoff: number;
  /** Shared anonymous memory: what all that map it have in common; null for everything else. */
  readonly shared: SharedMemory | null;
}

/** A mapping to be made. */
export interface NewVma {
  readonly start: Addr;
  readonly end: Addr;
  readonly flags: number;
  readonly file: Addr;
  readonly pgoff: number;
  readonly shared?: SharedMemory | null;
}

/** An address space. */
export class Mm {
  readonly address: Addr;
  /** Areas by ascending address. */
  readonly areas: Vma[] = [];
  /** The memory itself; null while no task has it yet. */
  space: UserSpace | null = null;
  readonly #byAddress = new Map<Addr, Vma>();
  /** What was asked for last; NaN after a change. */
  #lastAddress = NaN;
  #last: Vma | undefined = undefined;
  readonly #tree: MapleTree;
  readonly #k: Kernel;

  constructor(k: Kernel) {
    this.#k = k;
    this.address = newObject(k, "mm_struct", "mm_struct");
    this.#tree = new MapleTree(k, this.address);
    const top = k.arch.layout.userEnd;
    MM.users.set(k, this.address, 1);
    MM.count.set(k, this.address, 1);
    MM.taskSize.set(k, this.address, top);
    // The stack gets its gap; mappings grow down from below it.
    MM.mmapBase.set(k, this.address, top - (k.arch.wordSize === 8 ? 0x8000000 : 0x1000000));
  }

  /** The area whose `vm_area_struct` is at an address. */
  areaAt(vma: Addr): Vma | undefined {
    if (vma !== this.#lastAddress) {
      this.#lastAddress = vma;
      this.#last = this.#byAddress.get(vma);
    }
    return this.#last;
  }

  /** The area that holds an address, or the first one above it. */
  find(address: Addr): Vma | undefined {
    return this.areas[this.#indexOf(address)];
  }

  /** Index of the first area that ends above an address. */
  #indexOf(address: Addr): number {
    let low = 0;
    let high = this.areas.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.areas[middle] as Vma).end <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Areas that overlap a range. */
  overlapping(start: Addr, end: Addr): Vma[] {
    const found: Vma[] = [];
    for (let i = this.#indexOf(start); i < this.areas.length; i++) {
      const area = this.areas[i] as Vma;
      if (area.start >= end) break;
      found.push(area);
    }
    return found;
  }

  /** Adds an area; `address` is its `vm_area_struct`, if that is allocated already. */
  insert(area: NewVma, address = newVma(this.#k)): Vma {
    const k = this.#k;
    const { start, end, flags, file, pgoff, shared = null } = area;
    const added: Vma = { start, end, flags, file, pgoff, shared, address };
    VMA.mm.set(k, address, this.address);
    VMA.file.set(k, address, file);
    VMA.ops.set(k, address, operationsOf(k, added));
    if (file !== 0) FILE.count.add(k, file, 1);
    shared?.shown();
    this.#write(added);
    this.areas.splice(this.#indexOf(start), 0, added);
    this.#byAddress.set(address, added);
    this.#lastAddress = NaN;
    this.#counted(flags, (end - start) / PAGE);
    return added;
  }

  /** Moves an area's bounds or changes its flags. */
  adjust(area: Vma, change: { start?: Addr; end?: Addr; flags?: number }): void {
    const before = area.end - area.start;
    if (change.start !== undefined) {
      area.pgoff += (change.start - area.start) / PAGE;
      area.start = change.start;
    }
    if (change.end !== undefined) area.end = change.end;
    const flags = area.flags;
    this.#write(area);
    if (change.flags !== undefined && change.flags !== flags) {
      this.#counted(flags, -before / PAGE);
      area.flags = change.flags;
      this.#write(area);
      this.#counted(area.flags, (area.end - area.start) / PAGE);
    } else this.#counted(flags, (area.end - area.start - before) / PAGE);
  }

  /** Takes an area out and frees it. The reference to its file is the caller's from then on. */
  remove(area: Vma): void {
    this.areas.splice(this.areas.indexOf(area), 1);
    this.#byAddress.delete(area.address);
    this.#lastAddress = NaN;
    area.shared?.hidden();
    unlinkAnonVmas(this.#k, area.address);
    freeObject(this.#k, "vm_area_struct", area.address);
    this.#counted(area.flags, -(area.end - area.start) / PAGE);
  }

  /** Cuts the area that an address is inside of in two; the new `vm_area_struct` is the upper part's, or the lower one's. */
  split(area: Vma, at: Addr, below = false, address = newVma(this.#k)): Vma {
    if (below) {
      const { start, flags, file, pgoff, shared } = area;
      this.adjust(area, { start: at });
      const lower = this.insert({ start, end: at, flags, file, pgoff, shared }, address);
      cloneAnonVma(this.#k, lower.address, area.address);
      return lower;
    }
    const { end, flags, file, shared } = area;
    const pgoff = area.pgoff + (at - area.start) / PAGE;
    this.adjust(area, { end: at });
    const upper = this.insert({ start: at, end, flags, file, pgoff, shared }, address);
    cloneAnonVma(this.#k, upper.address, area.address);
    return upper;
  }

  /** Attaches an area to what a neighbour, with which it becomes one, is attached to. */
  inheritAnon(area: Vma, from: Vma): void {
    cloneAnonVma(this.#k, area.address, from.address);
  }

  /** Gives back what is left when the last user has gone: pages, tables, slots of swap. */
  release(): void {
    const k = this.#k;
    this.space?.clear();
    freeTables(k, this.address);
    for (const slot of dropSwap(k, this.address)) freeSlot(k, slot);
    this.#tree.destroy();
  }

  /** Makes several changes; the tree that probes see is made once, at the end. */
  together(change: () => void): void {
    this.#tree.hold();
    change();
    this.#tree.release(this.areas);
  }

  #write(area: Vma): void {
    const k = this.#k;
    VMA.start.set(k, area.address, area.start);
    VMA.end.set(k, area.address, area.end);
    VMA.flags.set(k, area.address, area.flags);
    VMA.pgoff.set(k, area.address, area.pgoff);
  }

  /** `vm_stat_account`, and what follows from areas having changed. */
  #counted(flags: number, pages: number): void {
    const k = this.#k;
    const total = MM.totalVm.add(k, this.address, pages);
    if (total > MM.hiwaterVm.get(k, this.address)) MM.hiwaterVm.set(k, this.address, total);
    if ((flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) === VM_EXEC) MM.execVm.add(k, this.address, pages);
    else if ((flags & VM_GROWSDOWN) !== 0) MM.stackVm.add(k, this.address, pages);
    else if ((flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) === VM_WRITE) {
      MM.dataVm.add(k, this.address, pages);
    }
    if ((flags & VM_LOCKED) !== 0) MM.lockedVm.add(k, this.address, pages);
    MM.mapCount.set(k, this.address, this.areas.length);
    this.#tree.store(this.areas);
  }
}

/** The `vm_ops` of an area; 0 for anonymous memory. */
function operationsOf(k: Kernel, area: Vma): Addr {
  const shmem = area.shared !== null || k.vfs?.files.get(area.file)?.ops?.symbol.startsWith("shmem") === true;
  if (area.file === 0 && area.shared === null) return 0;
  return symbolAddress(k, shmem ? "shmem_vm_ops" : "generic_file_vm_ops");
}

/** A `vm_area_struct` that no address space has yet. */
export function newVma(k: Kernel): Addr {
  return newObject(k, "vm_area_struct", "vm_area_struct");
}

const spaces = new WeakMap<Kernel, Map<Addr, Mm>>();

function tableOf(k: Kernel): Map<Addr, Mm> {
  let table = spaces.get(k);
  if (table === undefined) spaces.set(k, table = new Map());
  return table;
}

/** What was asked for last: a fault's functions ask for the same one. */
let lastKernel: Kernel | null = null;
let lastAddress = NaN;
let last: Mm | undefined = undefined;

/** The address space whose `mm_struct` is at an address. */
export function mmAt(k: Kernel, address: Addr): Mm | undefined {
  if (k !== lastKernel || address !== lastAddress) {
    lastKernel = k;
    lastAddress = address;
    last = tableOf(k).get(address);
  }
  return last;
}

/** An empty address space; returns its `mm_struct`. */
export function newMm(k: Kernel): Addr {
  const mm = new Mm(k);
  tableOf(k).set(mm.address, mm);
  lastKernel = null;
  return mm.address;
}

/** Which pages a fork copies (`vma_needs_copy`): what a fault brings again in the same way is left to faults. */
export function copiedPages(k: Kernel, from: Addr): (key: number) => boolean {
  const mm = mmAt(k, from);
  return (key) => {
    const area = mm?.find(key * PAGE);
    return area === undefined || area.start > key * PAGE || VMA.anonVma.get(k, area.address) !== 0;
  };
}

/** Copies an address space whose pages `space` has already, or shares it (`CLONE_VM`: null). */
export function dupMm(k: Kernel, from: Addr, space: UserSpace | null): Addr {
  if (space === null) {
    MM.users.add(k, from, 1);
    return from;
  }
  const address = newMm(k);
  const copy = mmAt(k, address);
  const source = mmAt(k, from);
  if (copy !== undefined && source !== undefined) {
    copy.together(() => {
      for (const area of source.areas) {
        if ((area.flags & VM_DONTCOPY) !== 0) continue;
        // Locks are not inherited.
        const vma = copy.insert({ ...area, flags: area.flags & ~VM_LOCKED });
        forkAnonVma(k, vma.address, area.address);
      }
    });
    syncRss(k, k.current.address, from);
    const counts = [0, 0, mmCounter(k, from, MM_SWAPENTS), 0];
    for (const { start, end } of copy.areas) {
      for (const key of space.pagesIn(start, end)) {
        const { kind = "zero" } = space.pageAt(key) ?? {};
        allocTables(k, address, key * PAGE);
        if (kind === "zero") continue;
        const member = counterOf(kind);
        counts[member] = (counts[member] ?? 0) + 1;
      }
    }
    counts.forEach((count, member) => addMmCounter(k, address, member, count));
    putOnSwapCopy(k, from, address);
  }
  for (
    const same of [
      MM.startBrk,
      MM.brk,
      MM.startStack,
      MM.argStart,
      MM.argEnd,
      MM.envStart,
      MM.envEnd,
      MM.startCode,
      MM.endCode,
      MM.mmapBase,
      MM.startData,
      MM.endData,
    ]
  ) {
    same.set(k, address, same.get(k, from));
  }
  const exe = MM.exeFile.get(k, from);
  MM.exeFile.set(k, address, exe);
  if (exe !== 0) FILE.count.add(k, exe, 1);
  return address;
}

/** Drops a use; the last one frees areas and files, without kernel functions being called. */
export function putMm(k: Kernel, address: Addr): void {
  if (MM.users.add(k, address, -1) > 0) return;
  const mm = mmAt(k, address);
  if (mm === undefined) return;
  mm.together(() => {
    for (const area of [...mm.areas]) {
      mm.remove(area);
      if (area.file !== 0) k.vfs.putFile(area.file);
    }
  });
  mm.release();
  const exe = MM.exeFile.get(k, address);
  if (exe !== 0) k.vfs.putFile(exe);
  tableOf(k).delete(address);
  lastKernel = null;
  freeObject(k, "mm_struct", address);
}
