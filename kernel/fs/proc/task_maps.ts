/**
 * `/proc/PID/maps` and its relatives: what is mapped where; `fs/proc/task_mmu.c`.
 *
 * @module
 */

import type { Kernel } from "../../kernel.ts";
import { MM, VM_EXEC, VM_GROWSDOWN, VM_LOCKED, VM_READ, VM_SHARED, VM_WRITE } from "../../mm/fields.ts";
import { type Mm, mmAt, type Vma } from "../../mm/mm_struct.ts";
import { swappedPages } from "../../mm/swap_table.ts";
import type { Task } from "../../process/task.ts";
import { FILE, INODE } from "../fields.ts";

const PAGE = 4096;

function mmOf(k: Kernel, task: Task): Mm | undefined {
  return task.mm === 0 ? undefined : mmAt(k, task.mm);
}

/** An address as `maps` prints it. */
function hex(address: number): string {
  return BigInt.asUintN(64, BigInt(address)).toString(16).padStart(8, "0");
}

/** The first line of an area. */
function mapLine(k: Kernel, mm: Mm, area: Vma): string {
  const rights = (area.flags & VM_READ ? "r" : "-") + (area.flags & VM_WRITE ? "w" : "-") +
    (area.flags & VM_EXEC ? "x" : "-") + (area.flags & VM_SHARED ? "s" : "p");
  const file = k.vfs.files.get(area.file);
  const inode = file?.inode ?? null;
  const dev = inode === null ? 0 : k.vfs.supers.get(INODE.sb.get(k, inode.address))?.dev ?? 0;
  const major = Math.floor(dev / 2 ** 20).toString(16).padStart(2, "0");
  const place = `${major}:${(dev % 2 ** 20).toString(16).padStart(2, "0")}`;
  const offset = (file === undefined ? 0 : area.pgoff * PAGE).toString(16).padStart(8, "0");
  const head = `${hex(area.start)}-${hex(area.end)} ${rights} ${offset} ${place} ${inode?.ino ?? 0} `;
  const name = file === undefined ? specialName(k, mm, area) : pathOfFile(k, area.file);
  return name === "" ? `${head.trimEnd()} \n` : `${head.padEnd(73)}${name}\n`;
}

function specialName(k: Kernel, mm: Mm, area: Vma): string {
  if ((area.flags & VM_GROWSDOWN) !== 0) return "[stack]";
  const [start, end] = [MM.startBrk.get(k, mm.address), MM.brk.get(k, mm.address)];
  return start !== 0 && area.start <= end && area.end >= start && end > start ? "[heap]" : "";
}

function pathOfFile(k: Kernel, address: number): string {
  const dentry = k.vfs.files.get(address)?.dentry;
  if (dentry == null) return "";
  const path = k.vfs.pathOf(FILE.mnt.get(k, address), dentry) ?? dentry.name;
  return dentry.inode?.nlink === 0 ? `${path} (deleted)` : path;
}

/** Text of `maps`. */
export function mapsText(k: Kernel, task: Task): string {
  const mm = mmOf(k, task);
  return mm === undefined ? "" : mm.areas.map((area) => mapLine(k, mm, area)).join("");
}

/** What an area has in memory, in kilobytes by the names of `smaps`. */
type Counts = Map<string, number>;

const COUNTED = [
  "Rss",
  "Pss",
  "Pss_Dirty",
  "Shared_Clean",
  "Shared_Dirty",
  "Private_Clean",
  "Private_Dirty",
  "Referenced",
  "Anonymous",
  "LazyFree",
  "AnonHugePages",
  "ShmemPmdMapped",
  "FilePmdMapped",
  "Shared_Hugetlb",
  "Private_Hugetlb",
  "Swap",
  "SwapPss",
  "Locked",
] as const;

function countArea(k: Kernel, mm: Mm, area: Vma): Counts {
  const counts: Counts = new Map(COUNTED.map((name) => [name, 0]));
  const add = (name: (typeof COUNTED)[number], kb: number): void => {
    counts.set(name, (counts.get(name) ?? 0) + kb);
  };
  for (const key of mm.space?.pagesIn(area.start, area.end) ?? []) {
    const page = mm.space?.pageAt(key)?.real;
    if (page === undefined || page.kind === "zero") continue;
    const dirty = page.kind === "anon" || (area.flags & (VM_SHARED | VM_WRITE)) === (VM_SHARED | VM_WRITE);
    const shared = page.mapcount > 1;
    add("Rss", 4);
    add("Pss", 4 / page.mapcount);
    if (dirty) add("Pss_Dirty", 4 / page.mapcount);
    add(`${shared ? "Shared" : "Private"}_${dirty ? "Dirty" : "Clean"}`, 4);
    add("Referenced", 4);
    if (page.kind === "anon") add("Anonymous", 4);
    if ((area.flags & VM_LOCKED) !== 0) add("Locked", 4 / page.mapcount);
  }
  for (const key of swappedPages(k, mm.address).keys()) {
    if (key * PAGE < area.start || key * PAGE >= area.end) continue;
    add("Swap", 4);
    add("SwapPss", 4);
  }
  return counts;
}

function countRows(counts: Counts): string {
  return COUNTED.map((name) => row(name, counts.get(name) ?? 0)).join("");
}

function row(name: string, kb: number): string {
  return `${`${name}:`.padEnd(16)}${String(Math.floor(kb)).padStart(8)} kB\n`;
}

/** Two letters of each flag, in the order of its bit. */
const LETTERS: readonly (readonly [flag: number, letters: string])[] = [
  [VM_READ, "rd"],
  [VM_WRITE, "wr"],
  [VM_EXEC, "ex"],
  [VM_SHARED, "sh"],
  [0x10, "mr"],
  [0x20, "mw"],
  [0x40, "me"],
  [0x80, "ms"],
  [VM_GROWSDOWN, "gd"],
  [VM_LOCKED, "lo"],
  [0x100000, "ac"],
  [0x200000, "nr"],
];

/** Text of `smaps`: each area with what it has in memory. */
export function smapsText(k: Kernel, task: Task): string {
  const mm = mmOf(k, task);
  if (mm === undefined) return "";
  return mm.areas.map((area) => {
    const letters = LETTERS.map(([flag, text]) => (area.flags & flag) !== 0 ? `${text} ` : "").join("");
    return mapLine(k, mm, area) + row("Size", (area.end - area.start) / 1024) +
      row("KernelPageSize", 4) + row("MMUPageSize", 4) + countRows(countArea(k, mm, area)) +
      `THPeligible:    0\nVmFlags: ${letters}\n`;
  }).join("");
}

/** Text of `smaps_rollup`: all areas together. */
export function smapsRollupText(k: Kernel, task: Task): string {
  const mm = mmOf(k, task);
  const first = mm?.areas[0];
  const last = mm?.areas.at(-1);
  if (mm === undefined || first === undefined || last === undefined) return "";
  const sum: Counts = new Map();
  for (const area of mm.areas) {
    for (const [name, kb] of countArea(k, mm, area)) sum.set(name, (sum.get(name) ?? 0) + kb);
  }
  const head = `${hex(first.start)}-${hex(last.end)} ---p 00000000 00:00 0 `;
  return `${head.padEnd(73)}[rollup]\n${countRows(sum)}`;
}
