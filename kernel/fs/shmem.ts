/**
 * Regular files of tmpfs: reading, writing and seeking.
 *
 * @module
 */

import { behaviour, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { EFAULT, EINVAL, ENXIO, EPERM } from "../syscalls/errno.ts";
import { F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_WRITE } from "./seals.ts";
import { FILE } from "./fields.ts";
import { FILE_UPDATE_TIME, fileAccessed, TOUCH_ATIME } from "./inode_times.ts";
import { O_APPEND } from "./modes.ts";
import { advance, type Transfer, transferOf } from "./read_write.ts";
import { recorded } from "./recorded.ts";

const GENERIC_WRITE_CHECKS = fn("generic_write_checks");
const FILE_REMOVE_PRIVS = fn("file_remove_privs");
const GENERIC_PERFORM_WRITE = fn("generic_perform_write");

/** Reads from the page cache of a tmpfs file. In a replay the recorded count and bytes are the file's contents. */
export const SHMEM_FILE_READ_ITER: FunctionRef = behaviour(
  "shmem_file_read_iter",
  [TOUCH_ATIME],
  (k, kiocb = 0, iter = 0) => {
    const transfer = transferOf(k, kiocb, iter);
    const inode = transfer?.file.inode;
    if (transfer === undefined || !inode) return -EINVAL;
    const outcome = readOutcome(k);
    if (outcome !== undefined) {
      if (outcome.ret < 0) return outcome.ret;
      if (outcome.data !== undefined) inode.write(transfer.pos, outcome.data.subarray(0, outcome.ret));
      const end = transfer.pos + outcome.ret;
      // Fewer bytes than asked for: that was the end of the file.
      if (inode.size < end || outcome.ret < transfer.count && outcome.ret > 0) inode.size = Math.max(end, 0);
    }
    const bytes = inode.read(transfer.pos, outcome?.ret ?? transfer.count);
    if (!scatter(k, transfer, bytes) && outcome === undefined) return -EFAULT;
    advance(k, kiocb, iter, bytes.length);
    fileAccessed(k, transfer.file.address);
    return outcome?.ret ?? bytes.length;
  },
);

/** Copies pages between user space and the page cache: `__generic_file_write_iter`. */
export const __GENERIC_FILE_WRITE_ITER: FunctionRef = blocking(
  "__generic_file_write_iter",
  [FILE_REMOVE_PRIVS, FILE_UPDATE_TIME, GENERIC_PERFORM_WRITE],
  (k, kiocb = 0, iter = 0) => {
    const transfer = transferOf(k, kiocb, iter);
    const inode = transfer?.file.inode;
    if (transfer === undefined || !inode) return -EINVAL;
    k.call(FILE_REMOVE_PRIVS, transfer.file.address);
    k.call(FILE_UPDATE_TIME, transfer.file.address);
    k.calls.callOrWait(GENERIC_PERFORM_WRITE, kiocb, iter);
    const ret = recorded(k)?.ret;
    if (ret !== undefined && ret < 0) return ret;
    const count = ret ?? transfer.count;
    const bytes = gather(k, transfer, count) ?? (ret === undefined ? null : new Uint8Array(count));
    if (bytes === null) return -EFAULT;
    const append = (FILE.flags.get(k, transfer.file.address) & O_APPEND) !== 0;
    const pos = append ? inode.size : transfer.pos;
    if (inode.seals > F_SEAL_SEAL && ret === undefined) {
      if ((inode.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0) return -EPERM;
      if ((inode.seals & F_SEAL_GROW) !== 0 && pos + bytes.length > inode.size) return -EPERM;
    }
    inode.write(pos, bytes);
    advance(k, kiocb, iter, pos - transfer.pos);
    advance(k, kiocb, iter, bytes.length);
    return bytes.length;
  },
);

/** Writes to a tmpfs file. */
export const GENERIC_FILE_WRITE_ITER: FunctionRef = blocking(
  "generic_file_write_iter",
  [GENERIC_WRITE_CHECKS, __GENERIC_FILE_WRITE_ITER],
  (k, kiocb = 0, iter = 0) => {
    k.call(GENERIC_WRITE_CHECKS, kiocb, iter);
    return k.calls.callOrWait(__GENERIC_FILE_WRITE_ITER, kiocb, iter);
  },
);

/** Moves a file's position: the new one, or -errno. */
export const SHMEM_FILE_LLSEEK: FunctionRef = behaviour(
  "shmem_file_llseek",
  [],
  (k, address = 0, offset = 0, whence = 0) => {
    const file = k.vfs.files.get(address);
    const size = file?.inode?.size ?? 0;
    let pos = offset;
    if (whence === 1) pos += FILE.pos.get(k, address);
    else if (whence === 2) pos += size;
    else if (whence === 3 || whence === 4) {
      if (offset < 0 || offset >= size) return -ENXIO;
      pos = whence === 3 ? offset : size;
    } else if (whence !== 0) return -EINVAL;
    if (pos < 0) return -EINVAL;
    FILE.pos.set(k, address, pos);
    return pos;
  },
);

/** The recorded outcome, if the call that runs is one that reads for user space. */
export function readOutcome(k: Kernel): ReturnType<typeof recorded> {
  const name = k.current.request?.name ?? "";
  return READ_CALLS.has(name) ? recorded(k) : undefined;
}

const READ_CALLS = new Set(["read", "pread64", "readv", "preadv", "preadv2"]);

/** Copies bytes to the user ranges of a transfer; false at a bad address. */
export function scatter(k: Kernel, transfer: Transfer, bytes: Uint8Array): boolean {
  let done = 0;
  try {
    for (const { base, length } of transfer.ranges) {
      const part = bytes.subarray(done, done + length);
      if (part.length > 0) k.memory.writeBytes(base, part);
      done += part.length;
    }
    return true;
  } catch (error) {
    if (error instanceof MemoryFault) return false;
    throw error;
  }
}

/** Up to `count` bytes out of the user ranges of a transfer; null at a bad address. */
export function gather(k: Kernel, transfer: Transfer, count: number): Uint8Array | null {
  const bytes = new Uint8Array(Math.max(0, Math.min(count, transfer.count)));
  let done = 0;
  try {
    for (const { base, length } of transfer.ranges) {
      const part = Math.min(length, bytes.length - done);
      if (part > 0) k.memory.copyBytes(base, bytes.subarray(done, done + part));
      done += Math.max(0, part);
    }
    return bytes;
  } catch (error) {
    if (error instanceof MemoryFault) return null;
    throw error;
  }
}
