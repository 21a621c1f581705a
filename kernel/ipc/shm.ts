/**
 * System V shared memory: `ipc/shm.c`. A segment is a file of tmpfs without a name; attaching it maps that.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { recorded } from "../fs/recorded.ts";
import { FILE } from "../fs/fields.ts";
import { SHMEM_FILE } from "../fs/fileops.ts";
import { SHMEM_INODE } from "../fs/inode.ts";
import { O_RDWR, S_IFREG } from "../fs/modes.ts";
import type { Kernel } from "../kernel.ts";
import { DO_MMAP } from "../mm/mmap.ts";
import { mmAt } from "../mm/mm_struct.ts";
import { VM_MUNMAP } from "../mm/munmap.ts";
import { EINVAL, ENOMEM } from "../syscalls/errno.ts";
import { IpcIds, type IpcPerm, usable } from "./ids.ts";

const PAGE = 4096;
const SHM_RDONLY = 0o10000;
const SHM_RND = 0o20000;
const SHM_REMAP = 0o40000;
const SHM_EXEC = 0o100000;
const MAP_SHARED = 1;
const MAP_FIXED = 0x10;

/** A segment. */
export interface ShmSegment {
  readonly perm: IpcPerm;
  readonly size: number;
  /** Its file. */
  readonly file: Addr;
  atime: number;
  dtime: number;
  ctime: number;
  readonly cpid: number;
  lpid: number;
}
const all = new WeakMap<Kernel, IpcIds<ShmSegment>>();

/** The segments of a kernel. */
export function shmIds(k: Kernel): IpcIds<ShmSegment> {
  let ids = all.get(k);
  if (ids === undefined) all.set(k, ids = new IpcIds());
  return ids;
}

/** How many mappings a segment has. */
export function attached(k: Kernel, { file }: ShmSegment): number {
  return FILE.count.get(k, file) - 1;
}

/** (key, size, flags) */
export const KSYS_SHMGET: FunctionRef = behaviour(
  "ksys_shmget",
  [fn("ipcget")],
  (k, key = 0, size = 0, flags = 0) => {
    k.call(fn("ipcget"));
    return shmIds(k).getOrMake(
      k,
      key,
      flags,
      (segment) => segment.size < size ? -EINVAL : 0,
      (perm) => {
        if (size < 1) return -EINVAL;
        const file = k.vfs.anonymous("tmpfs", SHMEM_FILE, S_IFREG | perm.mode, O_RDWR, SHMEM_INODE);
        if (file.inode !== null) file.inode.size = size;
        const times = { atime: 0, dtime: 0, ctime: k.clock.now };
        return { perm, size, file: file.address, ...times, cpid: k.current.tgid, lpid: 0 };
      },
    );
  },
);

/** Maps a segment: the address, or -errno. (shmid, addr, flags) */
export const DO_SHMAT: FunctionRef = behaviour("do_shmat", [DO_MMAP], (k, id = 0, at = 0, flags = 0) => {
  if (id < 0) return -EINVAL;
  let addr = at;
  if (addr !== 0 && addr % PAGE !== 0) {
    if ((flags & SHM_RND) === 0) return -EINVAL;
    addr -= addr % PAGE;
  }
  if (addr === 0 && (flags & SHM_REMAP) !== 0) return -EINVAL;
  const readOnly = (flags & SHM_RDONLY) !== 0;
  const segment = usable(k, shmIds(k), id, readOnly ? 0o444 : 0o666);
  if (typeof segment === "number") return segment;
  const prot = (readOnly ? 1 : 3) | ((flags & SHM_EXEC) !== 0 ? 4 : 0);
  const overlaps = addr !== 0 && (flags & SHM_REMAP) === 0 && recorded(k) === undefined &&
    (mmAt(k, k.current.mm)?.overlapping(addr, addr + segment.size).length ?? 0) > 0;
  if (overlaps) return -EINVAL;
  // In a replay it goes where it went.
  const given = recorded(k)?.ret ?? 0;
  if (given !== 0 && given % PAGE === 0 && k.memory.isUser(given)) addr = given;
  const how = MAP_SHARED | (addr === 0 ? 0 : MAP_FIXED);
  const place = k.calls.callN(DO_MMAP, [segment.file, addr, segment.size, prot, how, 0, 0, 0]);
  if (place === -ENOMEM || (place < 0 && place > -4096)) return place;
  segment.atime = k.clock.now;
  segment.lpid = k.current.tgid;
  return place;
});

/** Unmaps the segment that begins at an address: 0 or -errno. (addr) */
export const KSYS_SHMDT: FunctionRef = behaviour("ksys_shmdt", [VM_MUNMAP], (k, addr = 0) => {
  if (addr % PAGE !== 0) return -EINVAL;
  const area = mmAt(k, k.current.mm)?.find(addr);
  const segment = shmIds(k).all().find(({ file }) => file === area?.file) ??
    removed(k).find(({ file }) => file === area?.file);
  if (area === undefined || segment === undefined || area.start !== addr) return recorded(k)?.ret ?? -EINVAL;
  segment.dtime = k.clock.now;
  segment.lpid = k.current.tgid;
  return k.call(VM_MUNMAP, addr, Math.ceil(segment.size / PAGE) * PAGE, 0);
});

/** Removes a segment: it is gone when nobody maps it any more. */
export function removeSegment(k: Kernel, segment: ShmSegment): void {
  shmIds(k).remove(segment);
  const left = attached(k, segment) > 0;
  k.vfs.putFile(segment.file);
  if (left) removed(k).push(segment);
}

const stillMapped = new WeakMap<Kernel, ShmSegment[]>();
function removed(k: Kernel): ShmSegment[] {
  let found = stillMapped.get(k);
  if (found === undefined) stillMapped.set(k, found = []);
  return found;
}
