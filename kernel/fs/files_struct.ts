/**
 * Descriptor tables: `files_struct`, its `fdtable` and the bitmaps, in memory.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { freeObject, kfree, kzalloc, newObject } from "../process/alloc.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { FILE } from "./fields.ts";

/** Fields of `struct files_struct`. */
export const FILES_STRUCT = {
  count: field("files_struct", "count.counter"),
  fdt: field("files_struct", "fdt"),
  fdtab: field("files_struct", "fdtab"),
  nextFd: field("files_struct", "next_fd"),
  closeOnExecInit: field("files_struct", "close_on_exec_init"),
  openFdsInit: field("files_struct", "open_fds_init"),
  fullInit: field("files_struct", "full_fds_bits_init"),
  fdArray: field("files_struct", "fd_array"),
} as const;
const FDTABLE = {
  max: field("fdtable", "max_fds"),
  fd: field("fdtable", "fd"),
  closeOnExec: field("fdtable", "close_on_exec"),
  openFds: field("fdtable", "open_fds"),
  full: field("fdtable", "full_fds_bits"),
} as const;

/** `RLIMIT_NOFILE`: descriptors are below this. */
export const NOFILE = 1024;

/** An empty `files_struct`. */
export function newFiles(k: Kernel): Addr {
  const files = newObject(k, "files_cache", "files_struct");
  const fdt = FILES_STRUCT.fdtab.at(k, files);
  FILES_STRUCT.count.set(k, files, 1);
  FILES_STRUCT.fdt.set(k, files, fdt);
  FDTABLE.max.set(k, fdt, k.image.pointerSize * 8);
  FDTABLE.fd.set(k, fdt, FILES_STRUCT.fdArray.at(k, files));
  FDTABLE.closeOnExec.set(k, fdt, FILES_STRUCT.closeOnExecInit.at(k, files));
  FDTABLE.openFds.set(k, fdt, FILES_STRUCT.openFdsInit.at(k, files));
  FDTABLE.full.set(k, fdt, FILES_STRUCT.fullInit.at(k, files));
  return files;
}

/** Shares (`CLONE_FILES`) or copies (`dup_fd`) a table. */
export function dupFiles(k: Kernel, from: Addr, share: boolean): Addr {
  if (share) {
    FILES_STRUCT.count.add(k, from, 1);
    return from;
  }
  const files = newFiles(k);
  for (const fd of openFds(k, from)) {
    const file = fdFile(k, from, fd);
    installFd(k, files, fd, file, closesOnExec(k, from, fd));
    FILE.count.add(k, file, 1);
  }
  FILES_STRUCT.nextFd.set(k, files, FILES_STRUCT.nextFd.get(k, from));
  return files;
}

/** Drops a use; the last one closes what is still open, without kernel functions being called. */
export function putFiles(k: Kernel, files: Addr): void {
  if (FILES_STRUCT.count.add(k, files, -1) > 0) return;
  for (const fd of openFds(k, files)) k.vfs.putFile(fdFile(k, files, fd));
  const fdt = FILES_STRUCT.fdt.get(k, files);
  if (fdt !== FILES_STRUCT.fdtab.at(k, files)) freeTable(k, fdt);
  freeObject(k, "files_cache", files);
}

/** Tasks that use the table. */
export function filesUsers(k: Kernel, files: Addr): number {
  return FILES_STRUCT.count.get(k, files);
}

/** Descriptors that a table has room for now. */
export function maxFds(k: Kernel, files: Addr): number {
  return FDTABLE.max.get(k, FILES_STRUCT.fdt.get(k, files));
}

/** The file behind a descriptor, 0 if it is not open. */
export function fdFile(k: Kernel, files: Addr, fd: number): Addr {
  if (files === 0) return 0;
  const fdt = FILES_STRUCT.fdt.get(k, files);
  if (!(fd >= 0 && fd < FDTABLE.max.get(k, fdt))) return 0;
  return k.memory.readPointer(FDTABLE.fd.get(k, fdt) + fd * k.image.pointerSize);
}

/** Makes a descriptor stand for a file. The caller has made room (`expandFiles`). */
export function installFd(k: Kernel, files: Addr, fd: number, file: Addr, closeOnExec: boolean): void {
  expandFiles(k, files, fd);
  const fdt = FILES_STRUCT.fdt.get(k, files);
  k.memory.writeWord(FDTABLE.fd.get(k, fdt) + fd * k.image.pointerSize, file);
  setBit(k, FDTABLE.openFds.get(k, fdt), fd, true);
  setBit(k, FDTABLE.closeOnExec.get(k, fdt), fd, closeOnExec);
}

/** Reserves a descriptor: open, but without a file yet. */
export function reserveFd(k: Kernel, files: Addr, fd: number, closeOnExec: boolean): void {
  const fdt = FILES_STRUCT.fdt.get(k, files);
  const lowest = freeFd(k, files, 0);
  setBit(k, FDTABLE.openFds.get(k, fdt), fd, true);
  setBit(k, FDTABLE.closeOnExec.get(k, fdt), fd, closeOnExec);
  if (fd === lowest) FILES_STRUCT.nextFd.set(k, files, fd + 1);
}

/** Frees a descriptor; the file behind it is the caller's. */
export function clearFd(k: Kernel, files: Addr, fd: number): void {
  const fdt = FILES_STRUCT.fdt.get(k, files);
  if (fd >= FDTABLE.max.get(k, fdt)) return;
  k.memory.writeWord(FDTABLE.fd.get(k, fdt) + fd * k.image.pointerSize, 0);
  setBit(k, FDTABLE.openFds.get(k, fdt), fd, false);
  setBit(k, FDTABLE.closeOnExec.get(k, fdt), fd, false);
  if (fd < FILES_STRUCT.nextFd.get(k, files)) FILES_STRUCT.nextFd.set(k, files, fd);
}

/** The lowest free descriptor from `start` on. */
export function freeFd(k: Kernel, files: Addr, start: number): number {
  const fdt = FILES_STRUCT.fdt.get(k, files);
  const open = FDTABLE.openFds.get(k, fdt);
  const max = FDTABLE.max.get(k, fdt);
  let fd = Math.max(start, FILES_STRUCT.nextFd.get(k, files));
  while (fd < max && testBit(k, open, fd)) fd++;
  return fd;
}

/** Whether the descriptor is open or reserved. */
export function fdInUse(k: Kernel, files: Addr, fd: number): boolean {
  const fdt = FILES_STRUCT.fdt.get(k, files);
  return fd < FDTABLE.max.get(k, fdt) && testBit(k, FDTABLE.openFds.get(k, fdt), fd);
}

/** Whether execve closes the descriptor. */
export function closesOnExec(k: Kernel, files: Addr, fd: number): boolean {
  const fdt = FILES_STRUCT.fdt.get(k, files);
  return fd < FDTABLE.max.get(k, fdt) && testBit(k, FDTABLE.closeOnExec.get(k, fdt), fd);
}

/** Sets or clears the descriptor's close-on-exec flag. */
export function setClosesOnExec(k: Kernel, files: Addr, fd: number, on: boolean): void {
  setBit(k, FDTABLE.closeOnExec.get(k, FILES_STRUCT.fdt.get(k, files)), fd, on);
}

/** Open descriptors, ascending. */
export function openFds(k: Kernel, files: Addr): number[] {
  const found: number[] = [];
  if (files === 0) return found;
  const max = maxFds(k, files);
  for (let fd = 0; fd < max; fd++) if (fdFile(k, files, fd) !== 0) found.push(fd);
  return found;
}

/** Makes room for `fd`; true if the table had to grow. */
export function expandFiles(k: Kernel, files: Addr, fd: number): boolean {
  const old = FILES_STRUCT.fdt.get(k, files);
  const had = FDTABLE.max.get(k, old);
  if (fd < had) return false;
  let max = 256;
  while (max <= fd) max *= 2;
  const word = k.image.pointerSize;
  const fdt = kzalloc(k, sizeOfStruct(k, "fdtable"));
  FDTABLE.max.set(k, fdt, max);
  FDTABLE.fd.set(k, fdt, kzalloc(k, max * word));
  for (const bits of [FDTABLE.openFds, FDTABLE.closeOnExec, FDTABLE.full]) {
    bits.set(k, fdt, kzalloc(k, max / 8));
  }
  k.memory.writeBytes(FDTABLE.fd.get(k, fdt), k.memory.readBytes(FDTABLE.fd.get(k, old), had * word));
  for (const bits of [FDTABLE.openFds, FDTABLE.closeOnExec]) {
    k.memory.writeBytes(bits.get(k, fdt), k.memory.readBytes(bits.get(k, old), had / 8));
  }
  FILES_STRUCT.fdt.set(k, files, fdt);
  if (old !== FILES_STRUCT.fdtab.at(k, files)) freeTable(k, old);
  return true;
}

function freeTable(k: Kernel, fdt: Addr): void {
  for (const part of [FDTABLE.fd, FDTABLE.openFds, FDTABLE.closeOnExec, FDTABLE.full]) {
    kfree(k, part.get(k, fdt));
  }
  kfree(k, fdt);
}

function testBit(k: Kernel, bits: Addr, n: number): boolean {
  return (k.memory.load(bits + (n >> 3), 1, false) >> (n & 7) & 1) === 1;
}

function setBit(k: Kernel, bits: Addr, n: number, on: boolean): void {
  const at = bits + (n >> 3);
  const byte = k.memory.load(at, 1, false);
  k.memory.store(at, 1, on ? byte | 1 << (n & 7) : byte & ~(1 << (n & 7)));
}
