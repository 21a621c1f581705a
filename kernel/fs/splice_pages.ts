/**
 * How `splice` reads and writes files: by way of their own `read_iter` and `write_iter`, with pages of the kernel's that
 * stand for those in the pipe between.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { kfree, kzalloc } from "../process/alloc.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EINVAL } from "../syscalls/errno.ts";
import { FILE } from "./fields.ts";
import { READERS } from "./fileops.ts";
import { fileAccessed, TOUCH_ATIME } from "./inode_times.ts";
import { iterate, userIterator } from "./read_write.ts";
import { splicedBytes } from "./spliced.ts";
import { DO_ITER_WRITE } from "./vectors.ts";

/** Takes bytes of a file: how many, or -errno. (file, ppos, pipe, len, flags) */
export const GENERIC_FILE_SPLICE_READ: FunctionRef = blocking(
  "generic_file_splice_read",
  [fn("__get_task_ioprio"), ...READERS, TOUCH_ATIME],
  function* (k, address = 0, ppos = 0, _pipe = 0, len = 0) {
    const file = k.vfs.files.get(address);
    const operation = file?.ops?.readIter;
    if (file === undefined || operation === undefined) return -EINVAL;
    k.call(fn("__get_task_ioprio"));
    // Nothing lies behind the end: no pages are needed for that.
    const left = (file.inode?.size ?? 0) - k.memory.load(ppos, 8, true);
    const count = Math.max(0, Math.min(len, left));
    const result = yield* withPages(k, count, function* (pages) {
      const read = iterate(k, operation, file, pages, count, ppos);
      const done = typeof read === "number" ? read : yield* read;
      splicedBytes(k).bytes = done > 0 ? k.memory.readBytes(pages, done).slice() : new Uint8Array(0);
      return done;
    });
    if (result > 0) fileAccessed(k, address);
    return result;
  },
);

/** Writes an iterator to a file at `*ppos`: bytes, or -errno. (file, iter, ppos, flags) */
const VFS_ITER_WRITE: FunctionRef = blocking(
  "vfs_iter_write",
  [DO_ITER_WRITE],
  (k, file = 0, iter = 0, ppos = 0, flags = 0) => k.calls.callOrWait(DO_ITER_WRITE, file, iter, ppos, flags),
);

/** Puts the bytes into a file: bytes, or -errno. (pipe, out, ppos, len, flags) */
export const ITER_FILE_SPLICE_WRITE: FunctionRef = blocking(
  "iter_file_splice_write",
  [VFS_ITER_WRITE],
  function* (k, _pipe = 0, output = 0, ppos = 0, len = 0) {
    const bytes = splicedBytes(k).bytes.subarray(0, len);
    if (bytes.length === 0) return 0;
    const mark = k.current.locals;
    const word = k.image.pointerSize;
    const pos = ppos === 0 ? pushLocal(k, 8) : ppos;
    if (ppos === 0) k.memory.store(pos, 8, FILE.pos.get(k, output));
    const iov = pushLocal(k, 2 * word);
    const result = yield* withPages(k, bytes.length, function* (pages) {
      k.memory.writeBytes(pages, bytes);
      k.memory.writeWord(iov, pages);
      k.memory.writeWord(iov + word, bytes.length);
      const iter = userIterator(k, iov, 1, bytes.length);
      return yield* k.calls.callBlocking(VFS_ITER_WRITE, output, iter, pos, 0);
    });
    if (result > 0 && ppos === 0) FILE.pos.set(k, output, k.memory.load(pos, 8, true));
    popLocals(k, mark);
    return result;
  },
);

/** Runs `body` with memory for `count` bytes. */
function* withPages(k: Kernel, count: number, body: (pages: Addr) => Blocking<number>): Blocking<number> {
  if (count === 0) return yield* body(0);
  const pages = kzalloc(k, count);
  try {
    return yield* body(pages);
  } finally {
    kfree(k, pages);
  }
}
