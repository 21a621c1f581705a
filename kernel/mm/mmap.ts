/**
 * Mapping memory: `mm/mmap.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { fileOf, FPUT } from "../fs/fdtable.ts";
import { FILE } from "../fs/fields.ts";
import { FMODE_READ, FMODE_WRITE, S_IFDIR } from "../fs/modes.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import type { PageFiller } from "../memory/user_space.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EACCES, EBADF, EEXIST, EINVAL, ENODEV, ENOMEM, EOVERFLOW } from "../syscalls/errno.ts";
import { MM, VM_ACCOUNT, VM_GROWSDOWN, VM_MAY, VM_SHARED, VM_WRITE } from "./fields.ts";
import { type Mm, mmAt, newVma, PAGE, type Vma } from "./mm_struct.ts";
import { DO_MAS_MUNMAP, withMas } from "./munmap.ts";

const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_TYPE = 0xf;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_GROWSDOWN = 0x100;
const MAP_FIXED_NOREPLACE = 0x100000;
const SHMEM_MMAP = fn("shmem_mmap");

/** A free range of addresses for a mapping, or -errno. */
export const GET_UNMAPPED_AREA: FunctionRef = behaviour(
  "get_unmapped_area",
  [],
  (k, _file, addr = 0, len = 0, _pgoff, flags = 0) => {
    const mm = mmAt(k, k.current.mm);
    const space = k.current.userSpace;
    const top = k.arch.layout.userEnd;
    if (mm === undefined || space === null || len > top) return -ENOMEM;
    if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0) {
      if (addr % PAGE !== 0) return -EINVAL;
      return addr > top - len ? -ENOMEM : addr;
    }
    const outcome = recordedAddress(k);
    if (outcome !== undefined) return outcome;
    const hint = Math.ceil(addr / PAGE) * PAGE;
    if (hint > 0 && hint + len <= top && mm.overlapping(hint, hint + len).length === 0) return hint;
    const found = space.findFree(len, MM.mmapBase.get(k, mm.address));
    return found < 0 ? -ENOMEM : found;
  },
);

/** A fresh `vm_area_struct`. */
export const VM_AREA_ALLOC: FunctionRef = behaviour("vm_area_alloc", [], (k) => newVma(k));

/** Calls the file's own `mmap`. */
export const MMAP_FILE: FunctionRef = behaviour("mmap_file", [SHMEM_MMAP], (k, file = 0, vma = 0) => {
  const ops = k.vfs.files.get(file)?.ops;
  if (ops?.mmap === undefined) return -ENODEV;
  return k.call(ops.mmap, file, vma) || 0;
});

/** Maps a range whose place is settled: its address, or -errno. */
export const MMAP_REGION: FunctionRef = behaviour(
  "mmap_region",
  [fn("may_expand_vm"), DO_MAS_MUNMAP, VM_AREA_ALLOC, MMAP_FILE, SHMEM_MMAP],
  (k, address = 0, addr = 0, len = 0, flags = 0, pgoff = 0, uf = 0) => {
    const task = k.current;
    const mm = mmAt(k, task.mm);
    if (mm === undefined || task.userSpace === null) return -ENOMEM;
    k.call(fn("may_expand_vm"), mm.address, flags, len / PAGE);
    withMas(k, (mas) => k.calls.callN(DO_MAS_MUNMAP, [mas, mm.address, addr, len, uf, 0]));
    const file = k.vfs.files.get(address);
    const fill = file === undefined ? null : pagesOf(k, address, pgoff);
    if (file === undefined && merge(mm, addr, addr + len, flags)) {
      task.userSpace.map(addr, len, flags & 7);
      return addr;
    }
    const vma = k.call(VM_AREA_ALLOC, mm.address);
    mm.insert({ start: addr, end: addr + len, flags, file: address, pgoff }, vma);
    task.userSpace.map(addr, len, flags & 7, fill);
    if (file !== undefined) k.call(MMAP_FILE, address, vma);
    return addr;
  },
);

/** Checks what is asked, finds a place and maps it: the address, or -errno. */
export const DO_MMAP: FunctionRef = behaviour(
  "do_mmap",
  [GET_UNMAPPED_AREA, MMAP_REGION],
  (k, address = 0, addr = 0, len = 0, prot = 0, flags = 0, pgoff = 0, ..._rest) => {
    const size = Math.ceil(len / PAGE) * PAGE;
    if (size === 0) return -EINVAL;
    const place = k.call(GET_UNMAPPED_AREA, address, addr, size, pgoff, flags);
    if (place < 0) return place;
    const mm = mmAt(k, k.current.mm);
    if (mm === undefined) return -ENOMEM;
    if ((flags & MAP_FIXED_NOREPLACE) !== 0 && mm.overlapping(place, place + size).length > 0) return -EEXIST;
    const denied = address === 0 ? 0 : fileAllows(k, address, prot, flags);
    if (denied !== 0) return denied;
    const type = flags & MAP_TYPE;
    if (type !== MAP_PRIVATE && type !== MAP_SHARED && type !== 3) return -EINVAL;
    const vmFlags = prot & 7 | VM_MAY | (type === MAP_PRIVATE ? 0 : VM_SHARED) |
      ((flags & MAP_GROWSDOWN) !== 0 ? VM_GROWSDOWN : 0) |
      (type === MAP_PRIVATE && (prot & VM_WRITE) !== 0 ? VM_ACCOUNT : 0);
    // An anonymous private mapping counts its pages from its own address.
    const offset = address === 0 && type === MAP_PRIVATE ? place / PAGE : pgoff;
    const mark = k.current.locals;
    const uf = pushLocal(k, 2 * k.image.pointerSize);
    const result = k.call(MMAP_REGION, address, place, size, vmFlags, offset, uf);
    popLocals(k, mark);
    return result;
  },
);

/** `do_mmap` under the address space's lock. */
export const VM_MMAP_PGOFF: FunctionRef = behaviour(
  "vm_mmap_pgoff",
  [fn("security_mmap_file"), DO_MMAP],
  (k, file = 0, addr = 0, len = 0, prot = 0, flag = 0, pgoff = 0) => {
    k.call(fn("security_mmap_file"), file, prot, flag);
    const mark = k.current.locals;
    const word = k.image.pointerSize;
    const populate = pushLocal(k, word);
    const uf = pushLocal(k, 2 * word);
    const result = k.calls.callN(DO_MMAP, [file, addr, len, prot, flag, pgoff, populate, uf]);
    popLocals(k, mark);
    return result;
  },
);

/** `mmap`: the address, or -errno. */
export const KSYS_MMAP_PGOFF: FunctionRef = behaviour(
  "ksys_mmap_pgoff",
  [fn("fget"), VM_MMAP_PGOFF, FPUT],
  (k, addr = 0, len = 0, prot = 0, flags = 0, fd = 0, pgoff = 0) => {
    const outcome = recorded(k);
    let file = 0;
    if ((flags & MAP_ANONYMOUS) === 0) {
      k.call(fn("fget"), fd);
      file = fileOf(k, fd)?.address ?? 0;
      if (file === 0) return -EBADF;
      FILE.count.add(k, file, 1);
    }
    const failed = outcome !== undefined && outcome.ret < 0 && outcome.ret >= -4095;
    const result = failed ? outcome.ret : k.call(VM_MMAP_PGOFF, file, addr, len, prot, flags, pgoff);
    if (file !== 0) k.call(FPUT, file);
    return result;
  },
);

/** The pages of a file, as a mapping first shows them. */
function pagesOf(k: Kernel, address: Addr, pgoff: number): PageFiller {
  const inode = k.vfs.files.get(address)?.inode;
  return (offset, bytes) => {
    if (inode) bytes.set(inode.read(pgoff * PAGE + offset, bytes.length));
  };
}

/** Grows an anonymous neighbour of the same kind over a range instead of a new area. */
function merge(mm: Mm, start: Addr, end: Addr, flags: number): boolean {
  const same = (area: Vma): boolean => area.file === 0 && area.flags === flags && (flags & VM_SHARED) === 0;
  const before = mm.areas.find((area) => area.end === start);
  if (before !== undefined && same(before)) {
    mm.adjust(before, { end });
    return true;
  }
  const after = mm.areas.find((area) => area.start === end);
  if (after === undefined || !same(after)) return false;
  mm.adjust(after, { start });
  return true;
}

function fileAllows(k: Kernel, address: Addr, prot: number, flags: number): number {
  const file = k.vfs.files.get(address);
  const mode = FILE.mode.get(k, address);
  if (file?.inode?.type === S_IFDIR || file?.ops?.mmap === undefined) return -ENODEV;
  if ((mode & FMODE_READ) === 0) return -EACCES;
  if ((flags & MAP_TYPE) === MAP_SHARED && (prot & VM_WRITE) !== 0 && (mode & FMODE_WRITE) === 0) {
    return -EACCES;
  }
  return file.inode === null ? -EOVERFLOW : 0;
}

function recordedAddress(k: Kernel): Addr | undefined {
  const request = k.current.request;
  const ret = request?.recorded?.ret;
  if (ret === undefined || !request?.name.startsWith("mmap")) return undefined;
  if (k.image.pointerSize === 4) return ret >>> 0;
  return ret;
}
