/**
 * Writing to a file through its pages: `generic_perform_write`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { advance, type Transfer, transferOf } from "../fs/read_write.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE } from "../memory/page.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EFAULT } from "../syscalls/errno.ts";
import { gatherAt } from "./copy_iter.ts";
import type { AddressSpace } from "./folio.ts";
import { BALANCE_DIRTY_PAGES_RATELIMITED } from "./page_writeback.ts";

const FAULT_IN_READABLE = fn("fault_in_readable");
const SHMEM_WRITE_BEGIN = fn("shmem_write_begin");
const SHMEM_WRITE_END = fn("shmem_write_end");

/**
 * Copies from the iterator to a file's pages, one after the other: bytes, or -errno if none was written. Files in memory have
 * no pages of their own in the model: their bytes are stored by the caller.
 */
export const GENERIC_PERFORM_WRITE: FunctionRef = blocking(
  "generic_perform_write",
  [
    FAULT_IN_READABLE,
    SHMEM_WRITE_BEGIN,
    SHMEM_WRITE_END,
    fn("ext4_da_write_begin"),
    fn("ext4_da_write_end"),
    BALANCE_DIRTY_PAGES_RATELIMITED,
  ],
  (k, kiocb = 0, iter = 0) => {
    const transfer = transferOf(k, kiocb, iter);
    const inode = transfer?.file.inode;
    if (transfer === undefined || !inode) return 0;
    const space = k.pageCache.known(inode);
    if (space !== undefined) return toPages(k, transfer, kiocb, iter, space);
    return inMemory(k, transfer);
  },
);

/** tmpfs: a turn for each page, none of which waits. */
function inMemory(k: Kernel, { pos, count, ranges }: Transfer): number {
  const end = pos + Math.min(recorded(k)?.ret ?? count, count);
  for (let at = pos; at < end;) {
    const bytes = Math.min(PAGE_SIZE - at % PAGE_SIZE, end - at);
    k.call(FAULT_IN_READABLE, ranges[0]?.base ?? 0, bytes);
    k.call(SHMEM_WRITE_BEGIN, Number.NaN, Number.NaN, at, bytes);
    k.call(SHMEM_WRITE_END, Number.NaN, Number.NaN, at, bytes, bytes);
    k.calls.callOrWait(BALANCE_DIRTY_PAGES_RATELIMITED, 0);
    at += bytes;
  }
  return end - pos;
}

function* toPages(
  k: Kernel,
  transfer: Transfer,
  kiocb: Addr,
  iter: Addr,
  space: AddressSpace,
): Blocking<number> {
  const { inode, ops } = space;
  const { writeBegin, writeEnd } = ops;
  const outcome = recorded(k);
  const count = outcome === undefined ? transfer.count : Math.max(0, Math.min(outcome.ret, transfer.count));
  const mark = k.current.locals;
  const pagep = pushLocal(k, 2 * k.image.pointerSize);
  const file = transfer.file.address;
  let done = 0;
  let error = 0;
  while (done < count && error >= 0 && writeBegin !== undefined && writeEnd !== undefined) {
    const pos = transfer.pos + done;
    const bytes = Math.min(PAGE_SIZE - pos % PAGE_SIZE, count - done);
    k.call(FAULT_IN_READABLE, transfer.ranges[0]?.base ?? 0, bytes);
    const data = gatherAt(k, transfer, done, bytes) ?? (outcome === undefined ? null : new Uint8Array(bytes));
    if (data === null) {
      error = -EFAULT;
      break;
    }
    error = yield* k.calls.callBlocking(writeBegin, file, space.address, pos, bytes, pagep, 0);
    if (error < 0) break;
    const page = k.memory.readPointer(pagep);
    inode.store(pos, data);
    const copied = yield* k.calls.callBlocking(writeEnd, file, space.address, pos, bytes, bytes, page, 0);
    if (copied < 0) {
      error = copied;
      break;
    }
    advance(k, kiocb, iter, copied);
    done += copied;
    yield* k.calls.callBlocking(BALANCE_DIRTY_PAGES_RATELIMITED, space.address);
  }
  popLocals(k, mark);
  return done > 0 ? done : error;
}
