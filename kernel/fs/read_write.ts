/**
 * Reading and writing: `fs/read_write.c`. Kinds of files do their part in functions of their own, called through
 * `f_op`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { blocking, fn, type FunctionRef, type Pending, whenDone } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EBADF, EFAULT, EFBIG, EINVAL, ESPIPE } from "../syscalls/errno.ts";
import { FILE } from "./fields.ts";
import { fileOf } from "./fdtable.ts";
import type { OpenFile } from "./file.ts";
import { FSNOTIFY, notifyDentry } from "./notify/events.ts";
import { IN_ACCESS, IN_MODIFY } from "./notify/masks.ts";
import { READERS, WRITERS } from "./fileops.ts";
import {
  FMODE_CAN_READ,
  FMODE_CAN_WRITE,
  FMODE_PREAD,
  FMODE_PWRITE,
  FMODE_READ,
  FMODE_WRITE,
} from "./modes.ts";

const KIOCB = { filp: field("kiocb", "ki_filp"), pos: field("kiocb", "ki_pos") } as const;
const ITER = {
  source: field("iov_iter", "data_source"),
  offset: field("iov_iter", "iov_offset"),
  count: field("iov_iter", "count"),
  iov: field("iov_iter", "iov"),
  segments: field("iov_iter", "nr_segs"),
} as const;

const RW_VERIFY_AREA = fn("rw_verify_area");
const MAX_RW_COUNT = 0x7ffff000;
/** Positions beyond this are past every file: they and any count after them would not be exact. */
export const MAX_POS: number = Number.MAX_SAFE_INTEGER - MAX_RW_COUNT * 2;

/** Reads from a file at `*pos` into user memory: a byte count, or -errno. */
export const VFS_READ: FunctionRef = blocking(
  "vfs_read",
  [RW_VERIFY_AREA, ...READERS, FSNOTIFY],
  (k, address = 0, buf = 0, count = 0, pos = 0) => {
    const file = k.vfs.files.get(address);
    const mode = FILE.mode.get(k, address);
    if (file === undefined || (mode & FMODE_READ) === 0) return -EBADF;
    if ((mode & FMODE_CAN_READ) === 0) return -EINVAL;
    if (count > 0 && !userRange(k, buf, count)) return -EFAULT;
    k.call(RW_VERIFY_AREA, 0, address, pos, Math.min(count, MAX_RW_COUNT));
    const ops = file.ops;
    if (ops?.read !== undefined) {
      return told(k, file, IN_ACCESS, k.calls.callOrWait(ops.read, address, buf, count, pos));
    }
    if (ops?.readIter === undefined) return -EINVAL;
    return told(
      k,
      file,
      IN_ACCESS,
      iterate(k, ops.readIter, file, buf, Math.min(count, MAX_RW_COUNT), pos),
    );
  },
);

/** Writes user memory to a file at `*pos`: a byte count, or -errno. */
export const VFS_WRITE: FunctionRef = blocking(
  "vfs_write",
  [RW_VERIFY_AREA, ...WRITERS, FSNOTIFY],
  (k, address = 0, buf = 0, count = 0, pos = 0) => {
    const file = k.vfs.files.get(address);
    const mode = FILE.mode.get(k, address);
    if (file === undefined || (mode & FMODE_WRITE) === 0) return -EBADF;
    if ((mode & FMODE_CAN_WRITE) === 0) return -EINVAL;
    if (count > 0 && !userRange(k, buf, count)) return -EFAULT;
    k.call(RW_VERIFY_AREA, 1, address, pos, Math.min(count, MAX_RW_COUNT));
    const ops = file.ops;
    if (ops?.write !== undefined) {
      return told(k, file, IN_MODIFY, k.calls.callOrWait(ops.write, address, buf, count, pos));
    }
    if (ops?.writeIter === undefined) return -EINVAL;
    return told(
      k,
      file,
      IN_MODIFY,
      iterate(k, ops.writeIter, file, buf, Math.min(count, MAX_RW_COUNT), pos),
    );
  },
);

/** Who watches a file hears that something was read or written. */
function told(k: Kernel, file: OpenFile, mask: number, pending: Pending): Pending {
  if (k.vfs.watches.none || file.dentry === null) return pending;
  const { address } = file.dentry;
  return whenDone(pending, (result) => {
    if (result > 0) notifyDentry(k, address, mask);
    return result;
  });
}

/** `read`: at the file's own position. */
export const KSYS_READ: FunctionRef = blocking(
  "ksys_read",
  [VFS_READ],
  (k, fd = 0, buf = 0, count = 0) => atFilePosition(k, VFS_READ, fd, buf, count),
);

/** `write`: at the file's own position. */
export const KSYS_WRITE: FunctionRef = blocking(
  "ksys_write",
  [VFS_WRITE],
  (k, fd = 0, buf = 0, count = 0) => atFilePosition(k, VFS_WRITE, fd, buf, count),
);

/** `pread64`: at a given position. */
export const KSYS_PREAD64: FunctionRef = blocking(
  "ksys_pread64",
  [VFS_READ],
  (k, fd = 0, buf = 0, count = 0, pos = 0) => atGivenPosition(k, VFS_READ, FMODE_PREAD, fd, buf, count, pos),
);

/** `pwrite64`: at a given position. */
export const KSYS_PWRITE64: FunctionRef = blocking(
  "ksys_pwrite64",
  [VFS_WRITE],
  (k, fd = 0, buf = 0, count = 0, pos = 0) =>
    atGivenPosition(k, VFS_WRITE, FMODE_PWRITE, fd, buf, count, pos),
);

/** What a `read_iter` or `write_iter` is given: the file, its inode's contents, the position, the user buffer. */
export interface Transfer {
  readonly file: OpenFile;
  readonly pos: number;
  readonly count: number;
  /** User ranges, in order. */
  readonly ranges: readonly { readonly base: Addr; readonly length: number }[];
}

/** Decodes the `kiocb` and `iov_iter` that a file's own read or write was called with. */
export function transferOf(k: Kernel, kiocb: Addr, iter: Addr): Transfer | undefined {
  const file = k.vfs.files.get(KIOCB.filp.get(k, kiocb));
  if (file === undefined) return undefined;
  return { file, pos: KIOCB.pos.get(k, kiocb), count: ITER.count.get(k, iter), ranges: rangesOf(k, iter) };
}

/** The user ranges of an iterator. */
export function rangesOf(k: Kernel, iter: Addr): Transfer["ranges"] {
  const segments = ITER.segments.get(k, iter);
  const iov = ITER.iov.get(k, iter);
  const word = k.image.pointerSize;
  const ranges: { base: Addr; length: number }[] = [];
  for (let at = iov; ranges.length < segments; at += 2 * word) {
    ranges.push({ base: k.memory.readPointer(at), length: k.memory.load(at + word, word, false) });
  }
  return ranges;
}

/** Bytes that an iterator has left. */
export function iteratorCount(k: Kernel, iter: Addr): number {
  return ITER.count.get(k, iter);
}

/** Moves the position of a transfer on and takes what was moved off its iterator. */
export function advance(k: Kernel, kiocb: Addr, iter: Addr, bytes: number): void {
  KIOCB.pos.add(k, kiocb, bytes);
  ITER.count.add(k, iter, -bytes);
}

/** Puts a transfer at another position. */
export function moveTo(k: Kernel, kiocb: Addr, pos: number): void {
  KIOCB.pos.set(k, kiocb, pos);
}

/** Calls a file's own `read_iter` or `write_iter` with a control block and an iterator in the stack. */
export function iterate(
  k: Kernel,
  operation: FunctionRef,
  file: OpenFile,
  buf: Addr,
  count: number,
  pos: Addr,
): Pending {
  const mark = k.current.locals;
  const word = k.image.pointerSize;
  const iov = pushLocal(k, 2 * word);
  k.memory.writeWord(iov, buf);
  k.memory.writeWord(iov + word, count);
  return thenPop(k, mark, iterateOver(k, operation, file, userIterator(k, iov, 1, count), pos));
}

/** An iterator in the stack over user ranges: `iov` points to `segments` of them, `count` bytes together. */
export function userIterator(k: Kernel, iov: Addr, segments: number, count: number): Addr {
  const iter = pushLocal(k, sizeOfStruct(k, "iov_iter"));
  ITER.iov.set(k, iter, iov);
  ITER.segments.set(k, iter, segments);
  ITER.count.set(k, iter, count);
  return iter;
}

/** `iterate` for an iterator that is there already. */
export function iterateOver(
  k: Kernel,
  operation: FunctionRef,
  file: OpenFile,
  iter: Addr,
  pos: Addr,
): Pending {
  const mark = k.current.locals;
  const kiocb = pushLocal(k, sizeOfStruct(k, "kiocb"));
  KIOCB.filp.set(k, kiocb, file.address);
  KIOCB.pos.set(k, kiocb, pos === 0 ? 0 : k.memory.load(pos, 8, true));
  return whenDone(k.calls.callOrWait(operation, kiocb, iter), (result) => {
    if (result > 0 && pos !== 0) k.memory.store(pos, 8, KIOCB.pos.get(k, kiocb));
    popLocals(k, mark);
    return result;
  });
}

/** Gives objects on the stack back once a call is done. */
function thenPop(k: Kernel, mark: number, pending: Pending): Pending {
  return whenDone(pending, (result) => {
    popLocals(k, mark);
    return result;
  });
}

/** Whether a range lies in user space by its addresses (`access_ok`). */
export function userRange(k: Kernel, start: Addr, length: number): boolean {
  return k.memory.isUser(start) && (length === 0 || k.memory.isUser(start + length - 1));
}

/**
 * Runs an operation (`vfs_read`, `vfs_writev`, …) on a descriptor at its file's own position, and moves that on. A stream
 * has none: the operation gets NULL, as from `file_ppos`. `first` and `count` are the buffer and its length, or the
 * vector and its; `more` is what comes behind the position.
 */
export function atFilePosition(
  k: Kernel,
  operation: FunctionRef,
  fd: number,
  first: Addr,
  count: number,
  more?: number,
): Pending {
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  if (file.ops?.seekable !== true) {
    return k.calls.callOrWait(operation, file.address, first, count, 0, more);
  }
  const { address } = file;
  const mark = k.current.locals;
  const pos = pushLocal(k, 8);
  k.memory.store(pos, 8, FILE.pos.get(k, address));
  return whenDone(k.calls.callOrWait(operation, address, first, count, pos, more), (result) => {
    if (result >= 0) FILE.pos.set(k, address, k.memory.load(pos, 8, true));
    popLocals(k, mark);
    return result;
  });
}

/** The same at a given position, for which the file's mode must have `need` (`FMODE_PREAD`, `FMODE_PWRITE`). */
export function atGivenPosition(
  k: Kernel,
  operation: FunctionRef,
  need: number,
  fd: number,
  first: Addr,
  count: number,
  pos: number,
  more?: number,
): Pending {
  if (pos < 0) return -EINVAL;
  if (pos > MAX_POS) return need === FMODE_PREAD ? 0 : -EFBIG;
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  if ((FILE.mode.get(k, file.address) & need) === 0) return -ESPIPE;
  const mark = k.current.locals;
  const place = pushLocal(k, 8);
  k.memory.store(place, 8, pos);
  return thenPop(k, mark, k.calls.callOrWait(operation, file.address, first, count, place, more));
}
