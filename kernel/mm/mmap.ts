/**
 * Mapping memory: `mm/mmap.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { fileOf, FPUT } from "../fs/fdtable.ts";
import { noteAccess } from "../fs/inode_times.ts";
import { FILE } from "../fs/fields.ts";
import { FMODE_READ, FMODE_WRITE, S_IFDIR } from "../fs/modes.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import type { PageFiller } from "../memory/user_space.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import {
  EACCES,
  EBADF,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOMEM,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
} from "../syscalls/errno.ts";
import {
  MM,
  VM_ACCOUNT,
  VM_GROWSDOWN,
  VM_LOCKED,
  VM_MAY,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_NORESERVE,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_WRITE,
} from "./fields.ts";
import { type Mm, mmAt, newVma, PAGE } from "./mm_struct.ts";
import { DO_MAS_MUNMAP, MAX_MAP_COUNT, withMas } from "./munmap.ts";
import { MM_POPULATE } from "./populate.ts";
import { uprobesIfAny } from "../uprobes/table.ts";
import { SharedMemory } from "./shared_memory.ts";
import { sourceOf } from "./user_pages.ts";
import { neighbours, VMA_EXPAND } from "./vma_merge.ts";

const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_SHARED_VALIDATE = 3;
const MAP_TYPE = 0xf;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_GROWSDOWN = 0x100;
const MAP_LOCKED = 0x2000;
const MAP_NORESERVE = 0x4000;
const MAP_POPULATE = 0x8000;
const MAP_NONBLOCK = 0x10000;
const MAP_FIXED_NOREPLACE = 0x100000;
/** `LEGACY_MAP_MASK`: what `MAP_SHARED_VALIDATE` accepts where a file adds nothing. */
const KNOWN_FLAGS = 0x5fc933;
/** Offsets are counted in pages: no file reaches further. */
const LAST_PAGE = 2 ** 52;
/** `vm.mmap_min_addr`. */
const MIN_ADDRESS = 65536;
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
      if (addr < 0 || addr > top - len) return -ENOMEM;
      if (addr % PAGE !== 0) return -EINVAL;
      return addr < MIN_ADDRESS && k.current.uid !== 0 ? -EPERM : addr;
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

/** Puts the breakpoints of uprobes into what was mapped. */
export const UPROBE_MMAP: FunctionRef = behaviour("uprobe_mmap", [], (k, vma = 0) => {
  const mm = mmAt(k, k.current.mm);
  const area = mm?.areaAt(vma);
  if (area !== undefined) uprobesIfAny(k)?.mapped(area, mm?.space ?? null);
  return 0;
});

/** Calls the file's own `mmap`. */
export const MMAP_FILE: FunctionRef = behaviour("mmap_file", [SHMEM_MMAP], (k, file = 0, vma = 0) => {
  const ops = k.vfs.files.get(file)?.ops;
  if (ops?.mmap === undefined) return -ENODEV;
  const error = k.call(ops.mmap, file, vma) || 0;
  // tmpfs's function is a recorded one.
  if (error === 0 && ops.mmap === SHMEM_MMAP) noteAccess(k, FILE.path.at(k, file));
  return error;
});

/** Maps a range whose place is settled: its address, or -errno. */
export const MMAP_REGION: FunctionRef = behaviour(
  "mmap_region",
  [
    fn("may_expand_vm"),
    DO_MAS_MUNMAP,
    fn("security_vm_enough_memory_mm"),
    VMA_EXPAND,
    VM_AREA_ALLOC,
    MMAP_FILE,
    SHMEM_MMAP,
    fn("shmem_zero_setup"),
    fn("khugepaged_enter_vma"),
    UPROBE_MMAP,
    fn("vma_set_page_prot"),
  ],
  (k, address = 0, addr = 0, len = 0, asked = 0, pgoff = 0, uf = 0) => {
    const task = k.current;
    const space = task.userSpace;
    const mm = mmAt(k, task.mm);
    if (mm === undefined || space === null) return -ENOMEM;
    let flags = asked;
    k.call(fn("may_expand_vm"), mm.address, flags, len / PAGE);
    const error = withMas(k, (mas) => k.calls.callN(DO_MAS_MUNMAP, [mas, mm.address, addr, len, uf, 0]));
    if (error < 0) return -ENOMEM;
    if ((flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) === VM_WRITE) {
      if (k.call(fn("security_vm_enough_memory_mm"), mm.address, len / PAGE) < 0) return -ENOMEM;
      flags |= VM_ACCOUNT;
    }
    const file = k.vfs.files.get(address);
    const shared = (flags & VM_SHARED) !== 0;
    const end = addr + len;
    if (!(file === undefined && shared)) {
      const found = neighbours(k, mm, { start: addr, end, flags, file: address, pgoff, anonVma: 0 });
      const grown = found.before ?? found.after;
      if (grown !== undefined) {
        const whole = [found.before?.start ?? addr, found.after?.end ?? end] as const;
        withMas(k, (mas) => k.calls.callN(VMA_EXPAND, [mas, grown.address, whole[0], whole[1], grown.pgoff]));
        space.map(addr, len, flags & 7, file === undefined ? null : pagesOf(k, address, pgoff));
        return addr;
      }
    }
    const vma = k.call(VM_AREA_ALLOC, mm.address);
    mm.insert(
      {
        start: addr,
        end,
        flags: flags + softDirty(k),
        file: address,
        pgoff,
        shared: file === undefined && shared ? new SharedMemory(sourceOf(k)) : null,
      },
      vma,
    );
    space.map(addr, len, flags & 7, file === undefined ? null : pagesOf(k, address, pgoff));
    if (file !== undefined) {
      const failed = k.call(MMAP_FILE, address, vma);
      if (failed < 0) return undo(k, mm, vma, address, failed);
    } else if (shared) k.call(fn("shmem_zero_setup"), vma);
    k.call(fn("khugepaged_enter_vma"), vma, flags);
    if (file !== undefined) k.call(UPROBE_MMAP, vma);
    k.call(fn("vma_set_page_prot"), vma);
    return addr;
  },
);

/** The file would not be mapped: the area goes again. */
function undo(k: Kernel, mm: Mm, vma: Addr, file: Addr, error: number): number {
  const area = mm.areaAt(vma);
  if (area !== undefined) {
    k.current.userSpace?.unmap(area.start, area.end - area.start);
    mm.remove(area);
    k.call(FPUT, file);
  }
  return error;
}

/** Checks what is asked, finds a place and maps it: the address, or -errno. */
export const DO_MMAP: FunctionRef = behaviour(
  "do_mmap",
  [GET_UNMAPPED_AREA, MMAP_REGION],
  (k, address = 0, addr = 0, len = 0, prot = 0, flags = 0, pgoff = 0, ..._rest) => {
    const mm = mmAt(k, k.current.mm);
    if (mm === undefined) return -ENOMEM;
    if (len === 0) return -EINVAL;
    const size = Math.ceil(len / PAGE) * PAGE;
    if (size <= 0 || size > k.arch.layout.userEnd) return -ENOMEM;
    if (pgoff + size / PAGE > LAST_PAGE) return -EOVERFLOW;
    if (mm.areas.length > MAX_MAP_COUNT) return -ENOMEM;
    const place = k.call(GET_UNMAPPED_AREA, address, addr, size, pgoff, flags);
    if (place < 0) return place;
    if ((flags & MAP_FIXED_NOREPLACE) !== 0 && mm.overlapping(place, place + size).length > 0) return -EEXIST;
    const type = flags & MAP_TYPE;
    let vmFlags = prot & 7 | VM_MAY | MM.defFlags.get(k, mm.address) |
      ((flags & MAP_GROWSDOWN) !== 0 ? VM_GROWSDOWN : 0) |
      ((flags & MAP_LOCKED) !== 0 ? VM_LOCKED : 0);
    if (address === 0) {
      if (type === MAP_SHARED) {
        if ((flags & MAP_GROWSDOWN) !== 0) return -EINVAL;
        vmFlags |= VM_SHARED | VM_MAYSHARE;
      } else if (type !== MAP_PRIVATE) return -EINVAL;
    } else {
      if (type === MAP_SHARED_VALIDATE && (flags & ~KNOWN_FLAGS) !== 0) return -EOPNOTSUPP;
      if (type !== MAP_PRIVATE && type !== MAP_SHARED && type !== MAP_SHARED_VALIDATE) return -EINVAL;
      const denied = fileAllows(k, address, prot, flags);
      if (denied !== 0) return denied;
      if (type !== MAP_PRIVATE) {
        vmFlags |= VM_SHARED | VM_MAYSHARE;
        // What can't be written stays so, and is not shared with those that write.
        if ((FILE.mode.get(k, address) & FMODE_WRITE) === 0) vmFlags &= ~(VM_MAYWRITE | VM_SHARED);
      }
    }
    if ((flags & MAP_NORESERVE) !== 0) vmFlags |= VM_NORESERVE;
    // An anonymous private mapping counts its pages from its own address.
    const offset = address !== 0 ? pgoff : type === MAP_PRIVATE ? place / PAGE : 0;
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
  [fn("security_mmap_file"), DO_MMAP, fn("userfaultfd_unmap_complete"), MM_POPULATE],
  (k, file = 0, addr = 0, len = 0, prot = 0, flag = 0, pgoff = 0) => {
    k.call(fn("security_mmap_file"), file, prot, flag);
    const mark = k.current.locals;
    const word = k.image.pointerSize;
    const populate = pushLocal(k, word);
    const uf = pushLocal(k, 2 * word);
    const result = k.calls.callN(DO_MMAP, [file, addr, len, prot, flag, pgoff, populate, uf]);
    k.call(fn("userfaultfd_unmap_complete"), k.current.mm, uf);
    const locked = (MM.defFlags.get(k, k.current.mm) & VM_LOCKED) !== 0 || (flag & MAP_LOCKED) !== 0;
    if (result >= 0 && (locked || (flag & (MAP_POPULATE | MAP_NONBLOCK)) === MAP_POPULATE)) {
      k.call(MM_POPULATE, result, Math.ceil(len / PAGE) * PAGE, 1);
    }
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

/** x86_64 marks areas whose pages may have been written. */
function softDirty(k: Kernel): number {
  return k.image.arch === "x86_64" ? VM_SOFTDIRTY : 0;
}

function fileAllows(k: Kernel, address: Addr, prot: number, flags: number): number {
  const file = k.vfs.files.get(address);
  const mode = FILE.mode.get(k, address);
  if (file?.inode?.type === S_IFDIR || file?.ops?.mmap === undefined) return -ENODEV;
  if ((mode & FMODE_READ) === 0) return -EACCES;
  if ((flags & MAP_TYPE) === MAP_SHARED && (prot & VM_WRITE) !== 0 && (mode & FMODE_WRITE) === 0) {
    return -EACCES;
  }
  if (file.inode === null) return -EOVERFLOW;
  return 0;
}

function recordedAddress(k: Kernel): Addr | undefined {
  const request = k.current.request;
  const ret = request?.recorded?.ret;
  if (ret === undefined || !/^(old_)?mmap|^mremap/.test(request?.name ?? "")) return undefined;
  if (k.image.pointerSize === 4) return ret >>> 0;
  return ret;
}
