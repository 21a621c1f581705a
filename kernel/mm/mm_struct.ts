/**
 * Address spaces: `mm_struct` with its areas, in memory, and what the model keeps beside them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { FILE } from "../fs/fields.ts";
import { freeObject, newObject } from "../process/alloc.ts";
import { MM, VMA } from "./fields.ts";

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
}

/** An address space. */
export class Mm {
  readonly address: Addr;
  /** Areas by ascending address. */
  readonly areas: Vma[] = [];
  readonly #k: Kernel;

  constructor(k: Kernel) {
    this.#k = k;
    this.address = newObject(k, "mm_struct", "mm_struct");
    const top = k.arch.layout.userEnd;
    MM.users.set(k, this.address, 1);
    MM.count.set(k, this.address, 1);
    MM.taskSize.set(k, this.address, top);
    // The stack gets its gap; mappings grow down from below it.
    MM.mmapBase.set(k, this.address, top - (k.arch.wordSize === 8 ? 0x8000000 : 0x1000000));
  }

  /** The area that holds an address, or the first one above it. */
  find(address: Addr): Vma | undefined {
    return this.areas.find((area) => address < area.end);
  }

  /** Areas that overlap a range. */
  overlapping(start: Addr, end: Addr): Vma[] {
    return this.areas.filter((area) => area.start < end && area.end > start);
  }

  /** Adds an area; `address` is its `vm_area_struct`, if that is allocated already. */
  insert(area: Omit<Vma, "address">, address = newVma(this.#k)): Vma {
    const k = this.#k;
    const added: Vma = { ...area, address };
    VMA.mm.set(k, added.address, this.address);
    VMA.file.set(k, added.address, added.file);
    if (added.file !== 0) FILE.count.add(k, added.file, 1);
    this.#write(added);
    const at = this.areas.findIndex((other) => other.start > added.start);
    this.areas.splice(at < 0 ? this.areas.length : at, 0, added);
    this.#counted((added.end - added.start) / PAGE);
    return added;
  }

  /** Moves an area's bounds or changes its flags. */
  adjust(area: Vma, change: { start?: Addr; end?: Addr; flags?: number }): void {
    const before = area.end - area.start;
    if (change.start !== undefined) {
      if (area.file !== 0) area.pgoff += (change.start - area.start) / PAGE;
      area.start = change.start;
    }
    if (change.end !== undefined) area.end = change.end;
    if (change.flags !== undefined) area.flags = change.flags;
    this.#write(area);
    this.#counted((area.end - area.start - before) / PAGE);
  }

  /** Takes an area out and frees it. The reference to its file is the caller's from then on. */
  remove(area: Vma): void {
    this.areas.splice(this.areas.indexOf(area), 1);
    freeObject(this.#k, "vm_area_struct", area.address);
    this.#counted(-(area.end - area.start) / PAGE);
  }

  /** Cuts the area that an address is inside of in two; the new one is above. */
  split(area: Vma, at: Addr): Vma {
    const { end, flags, file } = area;
    const pgoff = file === 0 ? area.pgoff : area.pgoff + (at - area.start) / PAGE;
    this.adjust(area, { end: at });
    return this.insert({ start: at, end, flags, file, pgoff });
  }

  #write(area: Vma): void {
    const k = this.#k;
    VMA.start.set(k, area.address, area.start);
    VMA.end.set(k, area.address, area.end);
    VMA.flags.set(k, area.address, area.flags);
    VMA.pgoff.set(k, area.address, area.pgoff);
  }

  #counted(pages: number): void {
    MM.totalVm.add(this.#k, this.address, pages);
    MM.mapCount.set(this.#k, this.address, this.areas.length);
  }
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

/** The address space whose `mm_struct` is at an address. */
export function mmAt(k: Kernel, address: Addr): Mm | undefined {
  return tableOf(k).get(address);
}

/** An empty address space; returns its `mm_struct`. */
export function newMm(k: Kernel): Addr {
  const mm = new Mm(k);
  tableOf(k).set(mm.address, mm);
  return mm.address;
}

/** Shares (`CLONE_VM`) or copies an address space. */
export function dupMm(k: Kernel, from: Addr, share: boolean): Addr {
  if (share) {
    MM.users.add(k, from, 1);
    return from;
  }
  const address = newMm(k);
  const copy = mmAt(k, address);
  for (const area of mmAt(k, from)?.areas ?? []) copy?.insert(area);
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
  for (const area of [...mm.areas]) {
    mm.remove(area);
    if (area.file !== 0) k.vfs.putFile(area.file);
  }
  const exe = MM.exeFile.get(k, address);
  if (exe !== 0) k.vfs.putFile(exe);
  tableOf(k).delete(address);
  freeObject(k, "mm_struct", address);
}
