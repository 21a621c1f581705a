/**
 * Bytes from a file to another: `copy_file_range`. `fs/read_write.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EBADF, EFAULT, EINVAL, EISDIR, EOVERFLOW, EXDEV } from "../syscalls/errno.ts";
import { fileOf } from "./fdtable.ts";
import { FILE, INODE } from "./fields.ts";
import type { OpenFile } from "./file.ts";
import { FMODE_READ, FMODE_WRITE, O_APPEND, S_IFDIR, S_IFREG } from "./modes.ts";
import { recorded } from "./recorded.ts";
import { DO_SPLICE_DIRECT, growTo, MAX_RW_COUNT, RW_VERIFY_AREA } from "./sendfile.ts";

/** `copy_file_range`: bytes, or -errno. (in, pos in, out, pos out, len, flags) */
export const VFS_COPY_FILE_RANGE: FunctionRef = blocking(
  "vfs_copy_file_range",
  [fn("generic_file_rw_checks"), fn("generic_write_check_limits"), RW_VERIFY_AREA, DO_SPLICE_DIRECT],
  function* (k, input = 0, posIn = 0, output = 0, posOut = 0, len = 0, flags = 0) {
    if (flags !== 0) return -EINVAL;
    const replayed = recorded(k);
    const from = k.vfs.files.get(input);
    const to = k.vfs.files.get(output);
    if (from?.inode == null || to?.inode == null) return -EBADF;
    k.call(fn("generic_file_rw_checks"), input, output);
    if (replayed === undefined) {
      const error = copyError(k, from, posIn, to, posOut, len);
      if (error !== 0) return error;
    }
    k.call(RW_VERIFY_AREA, 0, input, NaN, len);
    k.call(RW_VERIFY_AREA, 1, output, NaN, len);
    if (replayed !== undefined) {
      if (replayed.ret < 0) return replayed.ret;
      growTo(k, from, posIn + replayed.ret);
    }
    const count = replayed?.ret ?? Math.min(len, Math.max(0, from.inode.size - posIn), MAX_RW_COUNT);
    if (count === 0) return 0;
    const mark = k.current.locals;
    const [pos, outPos] = [pushLocal(k, 8), pushLocal(k, 8)];
    k.memory.store(pos, 8, posIn);
    k.memory.store(outPos, 8, posOut);
    const result = yield* k.calls.callBlocking(DO_SPLICE_DIRECT, input, pos, output, outPos, count, 0);
    popLocals(k, mark);
    return replayed?.ret ?? result;
  },
);

function copyError(
  k: Kernel,
  from: OpenFile,
  posIn: number,
  to: OpenFile,
  posOut: number,
  len: number,
): number {
  if (from.inode?.type === S_IFDIR || to.inode?.type === S_IFDIR) return -EISDIR;
  if (from.inode?.type !== S_IFREG || to.inode?.type !== S_IFREG) return -EINVAL;
  if (
    (FILE.mode.get(k, from.address) & FMODE_READ) === 0 ||
    (FILE.mode.get(k, to.address) & FMODE_WRITE) === 0 ||
    (FILE.flags.get(k, to.address) & O_APPEND) !== 0
  ) return -EBADF;
  const sb = INODE.sb.get(k, from.inode.address);
  if (sb !== INODE.sb.get(k, to.inode.address)) return -EXDEV;
  if (posIn + len > Number.MAX_SAFE_INTEGER || posOut + len > Number.MAX_SAFE_INTEGER) return -EOVERFLOW;
  // A file into itself must not overlap.
  if (from.inode === to.inode && posOut + len > posIn && posOut < posIn + len) return -EINVAL;
  return 0;
}

/** `copy_file_range`, with offsets in user memory or the files' own positions. */
export function* copyFileRange(
  k: Kernel,
  fdIn: number,
  offIn: Addr,
  fdOut: number,
  offOut: Addr,
  len: number,
  flags: number,
): Blocking<number> {
  const from = fileOf(k, fdIn);
  const to = fileOf(k, fdOut);
  if (from === undefined || to === undefined) return -EBADF;
  const posIn = offsetOf(k, from, offIn);
  const posOut = offsetOf(k, to, offOut);
  if (posIn === null || posOut === null) return recorded(k)?.ret ?? -EFAULT;
  const result = yield* k.calls.callBlocking(
    VFS_COPY_FILE_RANGE,
    from.address,
    posIn,
    to.address,
    posOut,
    len,
    flags,
  );
  if (result > 0) {
    setOffset(k, from, offIn, posIn + result);
    setOffset(k, to, offOut, posOut + result);
  }
  return result;
}

function offsetOf(k: Kernel, file: OpenFile, at: Addr): number | null {
  if (at === 0) return FILE.pos.get(k, file.address);
  try {
    return k.memory.isUser(at) ? k.memory.load(at, 8, true) : null;
  } catch (error) {
    if (error instanceof MemoryFault) return null;
    throw error;
  }
}

function setOffset(k: Kernel, file: OpenFile, at: Addr, pos: number): void {
  if (at === 0) FILE.pos.set(k, file.address, pos);
  else {
    try {
      k.memory.store(at, 8, pos);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
    }
  }
}

/** What `copy_file_range` calls. */
export const COPY_CALLS: readonly FunctionRef[] = [VFS_COPY_FILE_RANGE];
