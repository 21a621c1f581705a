/**
 * Reading and writing several buffers at once: `readv`, `writev`, `preadv`, `pwritev`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EBADF, EFAULT, EINVAL } from "../syscalls/errno.ts";
import { FILE } from "./fields.ts";
import { READERS, WRITERS } from "./fileops.ts";
import { FMODE_PREAD, FMODE_PWRITE, FMODE_READ, FMODE_WRITE } from "./modes.ts";
import {
  atFilePosition,
  atGivenPosition,
  iterateOver,
  iteratorCount,
  rangesOf,
  userIterator,
} from "./read_write.ts";
import { recorded } from "./recorded.ts";

const UIO_MAXIOV = 1024;
const RW_VERIFY_AREA = fn("rw_verify_area");

/** Where both go through the file's own `read_iter` or `write_iter`. */
const DO_ITER_READV_WRITEV: FunctionRef = blocking(
  "do_iter_readv_writev",
  [...READERS, ...WRITERS],
  (k, address = 0, iter = 0, pos = 0, type = 0) => {
    const file = k.vfs.files.get(address);
    const operation = type === 0 ? file?.ops?.readIter : file?.ops?.writeIter;
    if (file === undefined) return -EBADF;
    return operation === undefined ? -EINVAL : iterateOver(k, operation, file, iter, pos);
  },
);

/** Without an iterator function, each range is a read or write of its own. */
const DO_LOOP_READV_WRITEV: FunctionRef = blocking(
  "do_loop_readv_writev",
  [...READERS, ...WRITERS],
  function* (k, address = 0, iter = 0, pos = 0, type = 0) {
    const ops = k.vfs.files.get(address)?.ops;
    const operation = type === 0 ? ops?.read : ops?.write;
    if (operation === undefined) return -EINVAL;
    let done = 0;
    for (const { base, length } of rangesOf(k, iter)) {
      const result = yield* k.calls.callBlocking(operation, address, base, length, pos);
      if (!(result >= 0)) return done > 0 ? done : result;
      done += result;
      if (result < length) break;
    }
    return done;
  },
);

const DO_ITER_READ: FunctionRef = blocking(
  "do_iter_read",
  [RW_VERIFY_AREA, DO_ITER_READV_WRITEV, DO_LOOP_READV_WRITEV],
  (k, file = 0, iter = 0, pos = 0, flags = 0) => overIterator(k, 0, file, iter, pos, flags),
);
/** Writes an iterator at `*pos`: bytes, or -errno. (file, iter, pos, flags) */
export const DO_ITER_WRITE: FunctionRef = blocking(
  "do_iter_write",
  [RW_VERIFY_AREA, DO_ITER_READV_WRITEV, DO_LOOP_READV_WRITEV],
  (k, file = 0, iter = 0, pos = 0, flags = 0) => overIterator(k, 1, file, iter, pos, flags),
);

const VFS_READV: FunctionRef = blocking(
  "vfs_readv",
  [DO_ITER_READ],
  (k, file = 0, vec = 0, vlen = 0, pos = 0, flags = 0) =>
    transfer(k, DO_ITER_READ, file, vec, vlen, pos, flags),
);
const VFS_WRITEV: FunctionRef = blocking(
  "vfs_writev",
  [DO_ITER_WRITE],
  (k, file = 0, vec = 0, vlen = 0, pos = 0, flags = 0) =>
    transfer(k, DO_ITER_WRITE, file, vec, vlen, pos, flags),
);

/** `readv` at the file's position. */
export const DO_READV: FunctionRef = blocking(
  "do_readv",
  [VFS_READV],
  (k, fd = 0, vec = 0, vlen = 0) => atFilePosition(k, VFS_READV, fd, vec, vlen, 0),
);
/** `writev` at the file's position. */
export const DO_WRITEV: FunctionRef = blocking(
  "do_writev",
  [VFS_WRITEV],
  (k, fd = 0, vec = 0, vlen = 0) => atFilePosition(k, VFS_WRITEV, fd, vec, vlen, 0),
);
/** `preadv` at a given position. */
export const DO_PREADV: FunctionRef = blocking(
  "do_preadv",
  [VFS_READV],
  (k, fd = 0, vec = 0, vlen = 0, pos = 0) =>
    atGivenPosition(k, VFS_READV, FMODE_PREAD, fd, vec, vlen, pos, 0),
);
/** `pwritev` at a given position. */
export const DO_PWRITEV: FunctionRef = blocking(
  "do_pwritev",
  [VFS_WRITEV],
  (k, fd = 0, vec = 0, vlen = 0, pos = 0) =>
    atGivenPosition(k, VFS_WRITEV, FMODE_PWRITE, fd, vec, vlen, pos, 0),
);

/** Copies the vector in (`import_iovec`) and transfers what it names. */
function* transfer(
  k: Kernel,
  operation: FunctionRef,
  file: Addr,
  vec: Addr,
  vlen: number,
  pos: Addr,
  flags: number,
): Blocking<number> {
  if (!(vlen >= 0 && vlen <= UIO_MAXIOV)) return -EINVAL;
  const total = totalLength(k, vec, vlen);
  const replayed = recorded(k);
  if (total < 0 && replayed === undefined) return total;
  const mark = k.current.locals;
  const word = k.image.pointerSize;
  let iter: Addr;
  if (total >= 0) iter = userIterator(k, vec, vlen, total);
  else {
    // A replay has no vector of the program's own: one range of the recorded length stands for it.
    const count = Math.max(0, replayed?.ret ?? 0);
    const iov = pushLocal(k, 2 * word);
    k.memory.writeWord(iov + word, count);
    iter = userIterator(k, iov, 1, count);
  }
  const result = yield* k.calls.callBlocking(operation, file, iter, pos, flags);
  popLocals(k, mark);
  return result;
}

/** `do_iter_read` and `do_iter_write`. */
function* overIterator(
  k: Kernel,
  type: 0 | 1,
  address: Addr,
  iter: Addr,
  pos: Addr,
  flags: number,
): Blocking<number> {
  const file = k.vfs.files.get(address);
  const need = type === 0 ? FMODE_READ : FMODE_WRITE;
  if (file === undefined || (FILE.mode.get(k, address) & need) === 0) return -EBADF;
  const total = iteratorCount(k, iter);
  if (total === 0) return 0;
  k.call(RW_VERIFY_AREA, type, address, pos, total);
  const whole = type === 0 ? file.ops?.readIter : file.ops?.writeIter;
  const through = whole === undefined ? DO_LOOP_READV_WRITEV : DO_ITER_READV_WRITEV;
  return yield* k.calls.callBlocking(through, address, iter, pos, type, flags);
}

function totalLength(k: Kernel, vec: Addr, vlen: number): number {
  const word = k.image.pointerSize;
  try {
    let total = 0;
    for (let i = 0; i < vlen; i++) {
      if (!k.memory.isUser(vec + i * 2 * word)) return -EFAULT;
      total += k.memory.load(vec + i * 2 * word + word, word, false);
    }
    return total;
  } catch (error) {
    if (error instanceof MemoryFault) return -EFAULT;
    throw error;
  }
}
