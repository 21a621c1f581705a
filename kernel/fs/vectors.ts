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
import { EBADF, EFAULT, EFBIG, EINVAL, ESPIPE } from "../syscalls/errno.ts";
import { fileOf } from "./fdtable.ts";
import { FILE } from "./fields.ts";
import { READERS, WRITERS } from "./fileops.ts";
import { FMODE_PREAD, FMODE_PWRITE, FMODE_READ, FMODE_WRITE } from "./modes.ts";
import { iterate, iterateVector, MAX_POS } from "./read_write.ts";
import { recorded } from "./recorded.ts";

const UIO_MAXIOV = 1024;
const RW_VERIFY_AREA = fn("rw_verify_area");

/** `do_iter_readv_writev` is where both go through the file's own function. */
const DO_ITER_READV_WRITEV: FunctionRef = blocking(
  "do_iter_readv_writev",
  [...READERS, ...WRITERS],
  function* (k, address = 0, vec = 0, pos = 0, type = 0, vlen = 0) {
    const file = k.vfs.files.get(address);
    const operation = type === 0 ? file?.ops?.readIter : file?.ops?.writeIter;
    const simple = type === 0 ? file?.ops?.read : file?.ops?.write;
    if (file === undefined) return -EBADF;
    const total = totalLength(k, vec, vlen);
    if (operation !== undefined) return yield* iterateVector(k, operation, file, vec, vlen, total, pos);
    return simple === undefined ? -EINVAL : yield* k.calls.callBlocking(simple, address, vec, total, pos);
  },
);

const VFS_READV: FunctionRef = blocking(
  "vfs_readv",
  [RW_VERIFY_AREA, DO_ITER_READV_WRITEV],
  function* (k, file = 0, vec = 0, vlen = 0, pos = 0) {
    return yield* transfer(k, 0, FMODE_READ, file, vec, vlen, pos);
  },
);
const VFS_WRITEV: FunctionRef = blocking(
  "vfs_writev",
  [RW_VERIFY_AREA, DO_ITER_READV_WRITEV],
  function* (k, file = 0, vec = 0, vlen = 0, pos = 0) {
    return yield* transfer(k, 1, FMODE_WRITE, file, vec, vlen, pos);
  },
);

/** `readv` at the file's position. */
export const DO_READV: FunctionRef = blocking(
  "do_readv",
  [VFS_READV],
  function* (k, fd = 0, vec = 0, vlen = 0) {
    return yield* positioned(k, VFS_READV, fd, vec, vlen);
  },
);
/** `writev` at the file's position. */
export const DO_WRITEV: FunctionRef = blocking(
  "do_writev",
  [VFS_WRITEV],
  function* (k, fd = 0, vec = 0, vlen = 0) {
    return yield* positioned(k, VFS_WRITEV, fd, vec, vlen);
  },
);
/** `preadv` at a given position. */
export const DO_PREADV: FunctionRef = blocking(
  "do_preadv",
  [VFS_READV],
  function* (k, fd = 0, vec = 0, vlen = 0, pos = 0) {
    return yield* at(k, VFS_READV, FMODE_PREAD, fd, vec, vlen, pos);
  },
);
/** `pwritev` at a given position. */
export const DO_PWRITEV: FunctionRef = blocking(
  "do_pwritev",
  [VFS_WRITEV],
  function* (k, fd = 0, vec = 0, vlen = 0, pos = 0) {
    return yield* at(k, VFS_WRITEV, FMODE_PWRITE, fd, vec, vlen, pos);
  },
);

function* transfer(
  k: Kernel,
  type: 0 | 1,
  need: number,
  address: Addr,
  vec: Addr,
  vlen: number,
  pos: Addr,
): Blocking<number> {
  const file = k.vfs.files.get(address);
  if (file === undefined || (FILE.mode.get(k, address) & need) === 0) return -EBADF;
  if (!(vlen >= 0 && vlen <= UIO_MAXIOV)) return -EINVAL;
  const total = totalLength(k, vec, vlen);
  const replayed = recorded(k);
  if (total < 0 && replayed !== undefined) {
    // A replay has no vector of the program's own: one range of the recorded length stands for it.
    const operation = type === 0 ? file.ops?.readIter : file.ops?.writeIter;
    if (operation === undefined) return replayed.ret;
    return yield* iterate(k, operation, file, 0, Math.max(0, replayed.ret), pos);
  }
  if (total < 0) return total;
  k.call(RW_VERIFY_AREA, type, address, pos, total);
  return yield* k.calls.callBlocking(DO_ITER_READV_WRITEV, address, vec, pos, type, vlen);
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

function* positioned(
  k: Kernel,
  operation: FunctionRef,
  fd: number,
  vec: Addr,
  vlen: number,
): Blocking<number> {
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  const mark = k.current.locals;
  const pos = pushLocal(k, 8);
  k.memory.store(pos, 8, FILE.pos.get(k, file.address));
  const result = yield* k.calls.callBlocking(operation, file.address, vec, vlen, pos, 0);
  if (result >= 0) FILE.pos.set(k, file.address, k.memory.load(pos, 8, true));
  popLocals(k, mark);
  return result;
}

function* at(
  k: Kernel,
  operation: FunctionRef,
  need: number,
  fd: number,
  vec: Addr,
  vlen: number,
  pos: number,
): Blocking<number> {
  if (pos < 0) return -EINVAL;
  if (pos > MAX_POS) return need === FMODE_PREAD ? 0 : -EFBIG;
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  if ((FILE.mode.get(k, file.address) & need) === 0) return -ESPIPE;
  const mark = k.current.locals;
  const place = pushLocal(k, 8);
  k.memory.store(place, 8, pos);
  const result = yield* k.calls.callBlocking(operation, file.address, vec, vlen, place, 0);
  popLocals(k, mark);
  return result;
}
